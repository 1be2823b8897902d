/** Takes the place of a vault while catchd is locked: it has no items, and every call fails with `locked`. */
import { CatchdError } from '../failures.js'
import type { Vault } from './vault.js'
import type { VaultEngine, VaultKind } from './vault-kinds.js'

export class ClosedVault implements Vault {
  readonly kind: VaultKind
  readonly engine: VaultEngine
  readonly get = refuse
  readonly set = refuse
  readonly delete = refuse
  readonly names = refuse

  constructor({ kind, engine }: Pick<Vault, 'kind' | 'engine'>) {
    this.kind = kind
    this.engine = engine
  }

  async findTrouble(): Promise<CatchdError> {
    return new CatchdError('locked')
  }

  async close(): Promise<void> {}
}

async function refuse(): Promise<never> {
  throw new CatchdError('locked')
}
