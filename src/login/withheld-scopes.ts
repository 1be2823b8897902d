/**
 * Scopes that a step-up login asked for and the token did not get: the user or the server did not grant them. Tools do not
 * open another tab for them until the user asks for a login or a configured pause is over. Otherwise a tool that asks every
 * minute would open a tab every minute.
 *
 * Pure: time is an argument. In memory only, as tab-budget.ts: after a restart there is at most one more tab.
 */
import { afterPause, type TabVerdict } from './tab-budget.js'

export class WithheldScopes {
  /** By profile: when each scope was withheld. */
  readonly #atMs = new Map<string, Map<string, number>>()

  /** A login of a tool ended without these scopes. */
  note(profile: string, scopes: readonly string[], nowMs: number): void {
    const known = this.#atMs.get(profile) ?? new Map<string, number>()
    for (const scope of scopes) known.set(scope, nowMs)
    this.#atMs.set(profile, known)
  }

  /** @param pauseSeconds - Tools may ask again after this; `null`: not before the user asks for a login. */
  judge(profile: string, scopes: readonly string[], pauseSeconds: number | null, nowMs: number): TabVerdict {
    const known = this.#atMs.get(profile)
    const times = scopes.flatMap((scope) => known?.get(scope) ?? [])
    return times.length === 0 ? { may: 'open' } : afterPause(Math.max(...times), pauseSeconds, nowMs)
  }

  /** The user asked for a login. */
  clear(profile: string): void {
    this.#atMs.delete(profile)
  }
}
