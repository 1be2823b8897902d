/**
 * What the rooms tell the log, told to whoever subscribed: only events that are meant for them, and of those only
 * members that are names and codes.
 */
import type { DaemonEvent } from '../http/api/services.js'

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
interface Told {
  readonly event: string
  readonly login?: string
  readonly profile?: string
  readonly code?: string
  readonly client?: string
}

export class EventHub {
  readonly #listeners = new Set<(event: DaemonEvent) => void>()

  /** @returns A function that ends the subscription. */
  subscribe(listener: (event: DaemonEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  publish({ event, login, profile, code, client }: Told): void {
    if (this.#listeners.size === 0 || !PUBLIC.has(event)) return
    const told: DaemonEvent = {
      event,
      ...(profile === undefined ? {} : { profile }),
      ...(login === undefined ? {} : { login_id: login }),
      ...(code === undefined ? {} : { code }),
      ...(client === undefined ? {} : { client }),
    }
    for (const listener of this.#listeners) listener(told)
  }
}
