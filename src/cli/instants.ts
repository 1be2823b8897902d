/** Instants of the API for people: how long, and when exactly. Pure. */

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** @returns `in 59 min`, `2 h ago`, `now`; rounded down, so that nothing sounds longer than it is. */
export function relative(instant: string, nowMs: number): string {
  const seconds = Math.trunc((Date.parse(instant) - nowMs) / 1000)
  const distance = Math.abs(seconds)
  if (distance < 1) return 'now'
  const [unit, size] = UNITS.find(([, size]) => distance >= size) ?? (['s', 1] as const)
  const span = `${Math.floor(distance / size)} ${unit}`
  return seconds > 0 ? `in ${span}` : `${span} ago`
}

/** @returns `in 59 min (2026-11-23T15:00:00Z)`, or that it is not known: what a server leaves out is not guessed. */
export function expiryInWords(instant: string | null, nowMs: number): string {
  return instant === null ? 'expiry unknown' : `${relative(instant, nowMs)} (${instant})`
}

/** @returns Seconds of `90d`, `12h`, `30min`, `45s` or `3600`; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count = '', unit = 's'] = /^(\d{1,9})(s|min|h|d)?$/.exec(text) ?? []
  if (count === '') return undefined
  return Number(count) * (UNITS.find(([name]) => name === unit)?.[1] ?? 1)
}
