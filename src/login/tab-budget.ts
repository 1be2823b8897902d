/**
 * How many browser tabs machines may open: one unanswered tab per profile, and none after one that nobody answered,
 * until a person logs in or a configured pause is over. Otherwise a tool that asks each minute leaves hundreds of
 * tabs overnight.
 *
 * Pure: time and events come in. In memory only: what a restart forgets is one tab at most, because logins that
 * still pend are found again.
 */
export type TabVerdict =
  | { readonly may: 'open' }
  /** The last tab was dismissed, denied or left to expire. */
  | { readonly may: 'not'; readonly untilMs: number | null }

export class TabBudget {
  /** The tab that a machine opened and that is neither answered nor over. */
  readonly #open = new Map<string, string>()
  /** When the last tab that a machine opened ended without a token set. */
  readonly #unansweredAtMs = new Map<string, number>()

  /** @param pauseSeconds - After which machines may try again; `null`: not before a person did. */
  judge(profile: string, pauseSeconds: number | null, nowMs: number): TabVerdict {
    const endedAtMs = this.#unansweredAtMs.get(profile)
    if (endedAtMs === undefined) return { may: 'open' }
    if (pauseSeconds === null) return { may: 'not', untilMs: null }
    const untilMs = endedAtMs + pauseSeconds * 1000
    // A clock that was set back does not prolong the pause beyond its length.
    const isOver = nowMs >= untilMs || untilMs - nowMs > pauseSeconds * 1000
    return isOver ? { may: 'open' } : { may: 'not', untilMs }
  }

  /** A machine opened a tab, or waits for the one that is open. */
  opened(profile: string, tab: string): void {
    this.#open.set(profile, tab)
  }

  /** What ends after a person came in another way is no sign that nobody is there. */
  ended(profile: string, tab: string, isAnswered: boolean, nowMs: number): void {
    if (isAnswered) this.reset(profile)
    if (this.#open.get(profile) !== tab) return
    this.#open.delete(profile)
    this.#unansweredAtMs.set(profile, nowMs)
  }

  /** A person asked for a login by themselves, or finished one. */
  reset(profile: string): void {
    this.#open.delete(profile)
    this.#unansweredAtMs.delete(profile)
  }
}
