/** Texts for instants: the absolute time in UTC, and the time from now. Pure. */

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** The last instant that a Date can represent. A server can send an `expires_in` beyond it. */
const LAST_INSTANT_MS = 8.64e15

const UNITS = [
  { unit: 'second', ms: 1_000, below: 90 },
  { unit: 'minute', ms: 60_000, below: 90 },
  { unit: 'hour', ms: 3_600_000, below: 36 },
  { unit: 'day', ms: 86_400_000, below: Number.POSITIVE_INFINITY },
] as const

/** `23 November 2026, 14:03 UTC`; `undefined` if a Date cannot represent the instant. */
export function inWords(instantMs: number): string | undefined {
  if (!(Math.abs(instantMs) <= LAST_INSTANT_MS)) return undefined
  const date = new Date(instantMs)
  const [hours, minutes] = [date.getUTCHours(), date.getUTCMinutes()].map((n) => String(n).padStart(2, '0'))
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${hours}:${minutes} UTC`
}

/** `in 59 minutes`, `2 days ago`. */
export function fromNow(instantMs: number, nowMs: number): string {
  const distanceMs = instantMs - nowMs
  for (const { unit, ms, below } of UNITS) {
    const count = Math.round(Math.abs(distanceMs) / ms)
    if (count < below) return phrase(count, unit, distanceMs < 0)
  }
  return 'far away'
}

function phrase(count: number, unit: string, past: boolean): string {
  const amount = `${count} ${unit}${count === 1 ? '' : 's'}`
  return past ? `${amount} ago` : `in ${amount}`
}
