/** The last events since the daemon started. In memory and bounded. */
import type { Clock } from '../../clock.js'
import type { DaemonEvent } from './services.js'

export interface HappenedEvent extends DaemonEvent {
  readonly atMs: number
}

/** About two screens. */
const MOST_EVENTS = 60

/** Changes nothing, and comes so often that it would push out everything else. */
const LEFT_OUT: ReadonlySet<string> = new Set(['token.served'])

export class RecentActivity {
  readonly #clock: Clock
  readonly #events: HappenedEvent[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  remember(event: DaemonEvent): void {
    if (LEFT_OUT.has(event.event)) return
    this.#events.unshift({ ...event, atMs: this.#clock.now() })
    if (this.#events.length > MOST_EVENTS) this.#events.pop()
  }

  /** The newest first. */
  recent(): readonly HappenedEvent[] {
    return this.#events
  }
}
