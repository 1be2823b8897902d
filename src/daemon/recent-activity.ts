/** What happened lately, for whoever looks now: the last events, and why each profile's last refresh failed. */
import type { Clock } from '../clock.js'
import type { ActivityApi, DaemonEvent, HappenedEvent } from '../http/api/services.js'

/** About two screens. */
const MOST_EVENTS = 60
/** Profiles that were removed leave their last failure behind. */
const MOST_TROUBLES = 1_000

/** After these the last refresh did not fail, or does not matter any more. */
const OVER: ReadonlySet<string> = new Set(['token.refreshed', 'login.succeeded', 'token.forgotten'])

export class RecentActivity implements ActivityApi {
  readonly #clock: Clock
  readonly #events: HappenedEvent[] = []
  readonly #troubles = new Map<string, { readonly code: string; readonly atMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  remember(event: DaemonEvent): void {
    const atMs = this.#clock.now()
    this.#events.unshift({ ...event, atMs })
    if (this.#events.length > MOST_EVENTS) this.#events.pop()
    const { profile, code } = event
    if (profile === undefined) return
    if (OVER.has(event.event)) this.#troubles.delete(profile)
    else if (code !== undefined && isFailedRefresh(event)) this.#fail(profile, code, atMs)
  }

  recent(): readonly HappenedEvent[] {
    return this.#events
  }

  refreshTrouble(profile: string) {
    return this.#troubles.get(profile)
  }

  #fail(profile: string, code: string, atMs: number): void {
    this.#troubles.delete(profile)
    this.#troubles.set(profile, { code, atMs })
    for (const oldest of this.#troubles.keys()) {
      if (this.#troubles.size <= MOST_TROUBLES) return
      this.#troubles.delete(oldest)
    }
  }
}

function isFailedRefresh({ event }: DaemonEvent): boolean {
  return event === 'token.refresh_failed' || event === 'token.reauthorize'
}
