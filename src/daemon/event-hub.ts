/**
 * What happens in the daemon, told once: to the log, to the parts of the daemon that act on it, and to subscribers of the
 * API. These hear of public events only, and of those only members that are names and codes.
 */
import type { DaemonEvent } from '../http/api/services.js'
import type { DaemonLog } from './log.js'

const PUBLIC: ReadonlySet<string> = new Set([
  'login.begun',
  'login.claimed',
  'login.caught',
  'login.succeeded',
  'login.ended',
  'token.refreshed',
  'token.refresh_failed',
  'token.reauthorize',
  'token.forgotten',
  'token.unsaved',
  'token.saved',
  'token.served',
  'configuration.changed',
  'configuration.refused',
  'client.added',
  'client.removed',
])

/** An event as it goes to the log. */
export interface LoggedEvent {
  readonly event: string
  readonly login?: string
  readonly profile?: string
  readonly code?: string
  readonly client?: string
}

export class EventHub {
  readonly #log: Pick<DaemonLog, 'info'>
  readonly #observers: ((event: LoggedEvent) => void)[] = []
  readonly #subscribers = new Set<(event: DaemonEvent) => void>()

  constructor(log: Pick<DaemonLog, 'info'>) {
    this.#log = log
  }

  /** For parts of the daemon: every event, as it is logged. */
  observe(observer: (event: LoggedEvent) => void): void {
    this.#observers.push(observer)
  }

  /** @returns A function that ends the subscription. */
  subscribe(subscriber: (event: DaemonEvent) => void): () => void {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  tell(logged: LoggedEvent): void {
    this.#log.info(logged)
    for (const observer of this.#observers) observer(logged)
    const { event, login, profile, code, client } = logged
    if (!PUBLIC.has(event)) return
    const told: DaemonEvent = {
      event,
      ...(profile === undefined ? {} : { profile }),
      ...(login === undefined ? {} : { login_id: login }),
      ...(code === undefined ? {} : { code }),
      ...(client === undefined ? {} : { client }),
    }
    for (const subscriber of this.#subscribers) subscriber(told)
  }
}
