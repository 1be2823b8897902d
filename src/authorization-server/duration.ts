/** Reads durations and instants that servers send (RFC 6749 §5.1 and similar members). Pure. */

/** Ten years. A longer duration is a mistake. */
export const LONGEST_SECONDS = 10 * 365 * 86_400

const NUMERIC = /^\s*\d{1,20}(\.\d+)?\s*$/

/**
 * @param value - A number, or a number as text, as some servers send it.
 * @returns Whole seconds; `null` if the value is missing, no number, negative or longer than ten years. It is then unknown
 *   and not guessed (SECURITY.md#nothing-guessed).
 */
export function readDuration(value: unknown, unit: 's' | 'ms' = 's'): number | null {
  const number = numberOf(value)
  if (typeof number !== 'number' || !(number >= 0)) return null
  const seconds = Math.floor(unit === 'ms' ? number / 1000 : number)
  return seconds <= LONGEST_SECONDS ? seconds : null
}

/** Seconds since 1970 are far below this, and milliseconds since 1970 far above it. */
const FIRST_MILLISECONDS = 1e11
const LAST_MILLISECONDS = 1e14

/** RFC 3339, and what Java, Ruby and .NET write. A time without a zone could be any of 25 instants. */
const DATE_WITH_ZONE =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?:\[[\w/+-]*\])?$/i
/** RFC 9110 §5.6.7. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

/**
 * @param value - A date with a time and a zone, or a number (also as text) of seconds or milliseconds since 1970.
 * @returns Milliseconds since 1970; `null` if it is not clearly an instant.
 */
export function readInstant(value: unknown): number | null {
  const number = numberOf(value)
  if (typeof number === 'number') {
    if (!(number > 0 && number < LAST_MILLISECONDS)) return null
    return number < FIRST_MILLISECONDS ? number * 1000 : number
  }
  const text = typeof value === 'string' ? value.trim() : ''
  const ms = HTTP_DATE.test(text) ? Date.parse(text) : Date.parse(rfc3339(text))
  return Number.isNaN(ms) ? null : ms
}

/** Empty if the text is no date with a zone: Date.parse reads almost anything as some date. */
function rfc3339(text: string): string {
  const [, date, time, fraction = '0', zone = ''] = DATE_WITH_ZONE.exec(text) ?? []
  if (date === undefined) return ''
  const [, sign, hours, minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  return `${date}T${time}.${fraction.slice(0, 3)}${sign === undefined ? 'Z' : `${sign}${hours}:${minutes}`}`
}

function numberOf(value: unknown): unknown {
  return typeof value === 'string' && NUMERIC.test(value) ? Number(value) : value
}
