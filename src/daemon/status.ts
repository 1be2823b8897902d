/** How the daemon is, for `catchd status`: built anew for each question. */
import { toInstant } from '../clock.js'
import type { AccessRecord } from '../http/api/access-record.js'
import { tokenAccess } from '../http/api/access-record.js'
import type { DaemonStatus } from '../http/api/services.js'
import type { ApiListeners } from './api-listeners.js'
import type { ComposedLogins } from './logins.js'
import type { Storage } from './storage.js'
import type { Tokens } from './tokens.js'

export interface StatusParts {
  readonly version: string
  readonly startedAtMs: number
  readonly storage: Pick<Storage, 'vault' | 'configuration'>
  readonly tokens: Pick<Tokens, 'keeper'>
  readonly logins: Pick<ComposedLogins, 'logins' | 'redirectListeners'>
  readonly listeners: Pick<ApiListeners, 'addresses'>
  readonly accesses: AccessRecord
}

/** @param limit - The profiles that the answer may count; `undefined` for all. */
export async function daemonStatus(
  { version, startedAtMs, storage, tokens, logins, listeners, accesses }: StatusParts,
  limit: ReadonlySet<string> | undefined,
): Promise<DaemonStatus> {
  const { vault, configuration } = storage
  const isVisible = (profile: string | null) =>
    limit === undefined || (profile !== null && limit.has(profile))
  return {
    version,
    pid: process.pid,
    started_at: toInstant(startedAtMs),
    listeners: { redirect: logins.redirectListeners.addresses(), ...listeners.addresses() },
    vault: {
      kind: vault.kind,
      engine: vault.engine,
      health: await vault.health(),
      unsaved: tokens.keeper.unsaved,
    },
    config: configuration.status(),
    profiles: [...configuration.entries().keys()].filter(isVisible).length,
    logins_pending: logins.logins.countPending(isVisible),
    ...(limit === undefined ? { token_accesses: accesses.newest.map(tokenAccess) } : {}),
  }
}
