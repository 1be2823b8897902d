/**
 * Reads everything that the page shows. A part that cannot be read (a locked vault, an invalid configuration) is
 * replaced by its failure, so the rest of the page still works.
 */
import { asCatchdError, type CatchdError } from '../../failures.js'
import type { WaitingLogin } from '../../login/login.js'
import type { ApiKey } from '../access/api-keys-file.js'
import type { RouteParts } from '../api/scope.js'
import type { DaemonStatus, HappenedEvent, ProfileView } from '../api/services.js'

export interface ProfileOverview extends ProfileView {
  readonly trouble: { readonly code: string; readonly atMs: number } | undefined
}

export interface KeyOverview {
  readonly key: ApiKey
  readonly lastUsedAtMs: number | null
}

export interface Overview {
  readonly nowMs: number
  readonly profiles: readonly ProfileOverview[] | CatchdError
  readonly waiting: readonly WaitingLogin[]
  /** By the ids of waiting logins (Logins.hint). */
  readonly hints: ReadonlyMap<string, string>
  readonly keys: readonly KeyOverview[]
  readonly recent: readonly HappenedEvent[]
  readonly status: DaemonStatus | CatchdError
}

export async function readOverview({ services, keys, clock }: RouteParts): Promise<Overview> {
  const [profiles, status] = await Promise.all([
    listProfiles(services).catch(asCatchdError),
    services.status().catch(asCatchdError),
  ])
  const waiting = Array.isArray(profiles)
    ? profiles.flatMap(({ name }) => services.logins.pendingOf(name))
    : []
  const hints = waiting.map(({ id }) => [id, services.logins.hint(id) ?? ''] as const)
  return {
    nowMs: clock.now(),
    profiles,
    waiting,
    hints: new Map(hints.filter(([, hint]) => hint !== '')),
    keys: keys.list().map((key) => ({ key, lastUsedAtMs: keys.useOf(key).lastUsedAtMs })),
    recent: services.activity.recent(),
    status,
  }
}

async function listProfiles({ profiles, activity }: RouteParts['services']): Promise<ProfileOverview[]> {
  const views = await profiles.list()
  return views.map((view) => ({ ...view, trouble: activity.refreshTrouble(view.name) }))
}
