/**
 * Where pending logins rest: their secrets in the vault, their claims in the journal. Together the two tell,
 * after a crash, which logins still wait, and which had their code sent and must not send it again.
 */
import { CatchdError } from '../failures.js'
import { itemName, type Vault } from '../vault/vault.js'
import type { InterruptedLogin, LoginJournal } from './journal.js'
import type { PendingLogin } from './login.js'
import { parsePendingLogin, serialisePendingLogin } from './pending-login-record.js'

/** What the last run left behind. */
export interface LeftBehind {
  readonly pending: readonly PendingLogin[]
  readonly interrupted: readonly InterruptedLogin[]
}

export class LoginStore {
  readonly #vault: Vault
  readonly #journal: LoginJournal

  constructor(vault: Vault, journal: LoginJournal) {
    this.#vault = vault
    this.#journal = journal
  }

  /** Before the authorization URL is given out. @throws the vault's codes */
  async store(login: PendingLogin): Promise<void> {
    await this.#vault.set(itemName.login(login.id), serialisePendingLogin(login))
  }

  /** Before the token request leaves; resolves when the claim is on the disk. */
  async claim(login: PendingLogin): Promise<void> {
    await this.#journal.claimed(login)
  }

  /** After the end; a record that a crash leaves behind is told from a pending one by the journal. */
  async forget(id: string): Promise<void> {
    await this.#vault.delete(itemName.login(id))
    this.#journal.settled(id)
  }

  /** @throws the vault's codes, when what was left behind cannot be read now */
  async leftBehind(): Promise<LeftBehind> {
    const prefix = itemName.login('')
    const pending: PendingLogin[] = []
    for (const name of await this.#vault.names()) {
      if (!name.startsWith(prefix)) continue
      const id = name.slice(prefix.length)
      const login = this.#journal.wasClaimed(id) ? undefined : await this.#read(name)
      if (login === undefined) await this.forget(id)
      else pending.push(login)
    }
    return { pending, interrupted: [...this.#journal.interrupted()] }
  }

  async #read(name: string): Promise<PendingLogin | undefined> {
    const item = await this.#vault.get(name)
    return item === undefined ? undefined : parsePendingLogin(item)
  }
}

/** How a login ends that was cut off between its claim and its end. */
export function interruption(profile: string): CatchdError {
  return new CatchdError('login_required', {
    profile,
    detail: 'The daemon was stopped while the code was being redeemed; a code is never sent twice.',
  })
}
