/**
 * Events of the daemon: each goes to the log and to the subscribers. Subscribers, which include clients of the API, get
 * names, codes and instants only.
 */
import type { DaemonEvent } from '../http/api/services.js'
import type { DaemonLog } from './log.js'

/** Failures inside the daemon that no client can do anything about. */
const LOGGED_ONLY: ReadonlySet<string> = new Set(['login.trouble', 'token.journal_failed'])

/** An event as it goes to the log. */
export interface LoggedEvent extends Omit<DaemonEvent, 'login_id'> {
  readonly login?: string
}

export class EventHub {
  readonly #log: Pick<DaemonLog, 'info'>
  readonly #subscribers = new Set<(event: DaemonEvent) => void>()

  constructor(log: Pick<DaemonLog, 'info'>) {
    this.#log = log
  }

  /** @returns A function that ends the subscription. */
  subscribe(subscriber: (event: DaemonEvent) => void): () => void {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  tell(logged: LoggedEvent): void {
    this.#log.info(logged)
    const { event, login, profile, code, client, expires_at, actions, profiles, added, changed, removed } =
      logged
    if (LOGGED_ONLY.has(event)) return
    const told: DaemonEvent = {
      ...{ event, profile, login_id: login, code, client, expires_at },
      ...{ actions, profiles, added, changed, removed },
    }
    for (const subscriber of this.#subscribers) subscriber(told)
  }
}
