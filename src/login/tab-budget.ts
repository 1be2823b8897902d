/**
 * How many browser tabs tools may open: at most one open tab per profile. If the user does not answer it, tools open no
 * other tab until the user logs in or a configured pause is over. Otherwise a tool that asks every minute opens
 * hundreds of tabs overnight.
 *
 * Pure: time and events are arguments. In memory only: after a restart there is at most one more tab, because pending
 * logins are restored.
 */
export type TabVerdict =
  | { readonly may: 'open' }
  /** The last tab was closed, denied or not answered in time. */
  | { readonly may: 'not'; readonly untilMs: number | null }

/** Whether a pause that began at `endedAtMs` is over. @param pauseSeconds - `null`: it does not end by itself. */
export function afterPause(endedAtMs: number, pauseSeconds: number | null, nowMs: number): TabVerdict {
  if (pauseSeconds === null) return { may: 'not', untilMs: null }
  const untilMs = endedAtMs + pauseSeconds * 1000
  // A clock that was set back must not prolong the pause.
  const isOver = nowMs >= untilMs || untilMs - nowMs > pauseSeconds * 1000
  return isOver ? { may: 'open' } : { may: 'not', untilMs }
}

export class TabBudget {
  /** By profile: the tab that a tool opened and that is still open. */
  readonly #open = new Map<string, string>()
  /** By profile: when the last tab of a tool ended without a token set. */
  readonly #unansweredAtMs = new Map<string, number>()

  /** @param pauseSeconds - Tools may try again after this; `null`: not before the user logs in. */
  judge(profile: string, pauseSeconds: number | null, nowMs: number): TabVerdict {
    const endedAtMs = this.#unansweredAtMs.get(profile)
    return endedAtMs === undefined ? { may: 'open' } : afterPause(endedAtMs, pauseSeconds, nowMs)
  }

  /** A tool opened a tab, or waits for the open one. */
  opened(profile: string, tab: string): void {
    this.#open.set(profile, tab)
  }

  /** A tab that ends after the user logged in elsewhere does not count as unanswered. */
  ended(profile: string, tab: string, isAnswered: boolean, nowMs: number): void {
    if (isAnswered) this.clear(profile)
    if (this.#open.get(profile) !== tab) return
    this.#open.delete(profile)
    this.#unansweredAtMs.set(profile, nowMs)
  }

  /** The user asked for a login, or finished one: tools may open tabs again. */
  clear(profile: string): void {
    this.#open.delete(profile)
    this.#unansweredAtMs.delete(profile)
  }
}
