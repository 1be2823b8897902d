/** Texts for instants: the absolute time in UTC, and the time from now. Pure. */

/** The last instant that a Date can represent. A server can send an `expires_in` beyond it. */
const LAST_INSTANT_MS = 8.64e15

const UNITS = [
  { unit: 'second', ms: 1_000, below: 90 },
  { unit: 'minute', ms: 60_000, below: 90 },
  { unit: 'hour', ms: 3_600_000, below: 36 },
]
const DAY = { unit: 'day', ms: 86_400_000 }

/** `23 November 2026, 14:03 UTC`; `undefined` if a Date cannot represent the instant. */
export function inWords(instantMs: number): string | undefined {
  if (!(Math.abs(instantMs) <= LAST_INSTANT_MS)) return undefined
  const date = new Date(instantMs)
  const [hours, minutes] = [date.getUTCHours(), date.getUTCMinutes()].map((n) => String(n).padStart(2, '0'))
  const month = date.toLocaleString('en', { month: 'long', timeZone: 'UTC' })
  return `${date.getUTCDate()} ${month} ${date.getUTCFullYear()}, ${hours}:${minutes} UTC`
}

/** `in 59 minutes`, `2 days ago`. */
export function fromNow(instantMs: number, nowMs: number): string {
  const distanceMs = instantMs - nowMs
  const { unit, ms } = UNITS.find((each) => Math.round(Math.abs(distanceMs) / each.ms) < each.below) ?? DAY
  const count = Math.round(Math.abs(distanceMs) / ms)
  const amount = `${count} ${unit}${count === 1 ? '' : 's'}`
  return distanceMs < 0 ? `${amount} ago` : `in ${amount}`
}
