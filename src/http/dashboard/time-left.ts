/**
 * Texts for the time left and the time since an instant. Pure. The page's script also uses this file, to update the
 * texts every second.
 */
import { fromNow } from '../redirect/pages/instants.js'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `59 min 12 s`, `2 h 5 min`, `12 days`; `nothing` if no time is left. */
export function timeLeft(untilMs: number, nowMs: number): string {
  const left = Math.floor((untilMs - nowMs) / SECOND) * SECOND
  if (left <= 0) return 'nothing'
  if (left < MINUTE) return `${left / SECOND} s`
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min ${(left % MINUTE) / SECOND} s`
  if (left < 2 * DAY) return `${Math.floor(left / HOUR)} h ${Math.floor((left % HOUR) / MINUTE)} min`
  return `${Math.floor(left / DAY)} days`
}

/** `3 minutes ago`, `in 2 days`, `just now`. */
export function distance(atMs: number, nowMs: number): string {
  return Math.abs(atMs - nowMs) < 2 * SECOND ? 'just now' : fromNow(atMs, nowMs)
}

/** The value of a full bar. */
export const WHOLE_BAR = 1_000

/** How much of the time from one instant to another is left, from 0 to {@link WHOLE_BAR}. */
export function barLeft(fromMs: number, untilMs: number, nowMs: number): number {
  if (untilMs <= fromMs) return 0
  const part = (untilMs - nowMs) / (untilMs - fromMs)
  return Math.round(WHOLE_BAR * Math.min(Math.max(part, 0), 1))
}
