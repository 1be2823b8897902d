/** The last events, and why each profile's last refresh failed, since the daemon started. In memory and bounded. */
import type { Clock } from '../../clock.js'
import type { DaemonEvent } from './services.js'

export interface HappenedEvent extends DaemonEvent {
  readonly atMs: number
}

/** About two screens. */
const MOST_EVENTS = 60
/** Removed profiles leave their last failure behind. */
const MOST_TROUBLES = 1_000

/** Whether the last refresh has failed after this event; other events do not change that. */
const REFRESH_FAILED: Readonly<Record<string, boolean>> = {
  'token.refresh_failed': true,
  'token.reauthorize': true,
  'token.refreshed': false,
  'token.forgotten': false,
  'login.succeeded': false,
}

export class RecentActivity {
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
    const hasFailed = REFRESH_FAILED[event.event]
    if (profile === undefined || hasFailed === undefined) return
    this.#troubles.delete(profile)
    if (!hasFailed || code === undefined) return
    this.#troubles.set(profile, { code, atMs })
    for (const oldest of this.#troubles.keys()) {
      if (this.#troubles.size <= MOST_TROUBLES) return
      this.#troubles.delete(oldest)
    }
  }

  /** The newest first. */
  recent(): readonly HappenedEvent[] {
    return this.#events
  }

  /** Why the profile's last refresh failed; `undefined` when it did not. */
  refreshTrouble(profile: string) {
    return this.#troubles.get(profile)
  }
}
