/** Reads durations that servers send (RFC 6749 §5.1 and similar members). Pure. */

/** Ten years. A longer duration is a mistake. */
const LONGEST_SECONDS = 10 * 365 * 86_400

/**
 * @param value - A number, or a number as text, as some servers send it.
 * @returns Whole seconds; `null` if the value is missing, no number, negative or longer than ten years. It is then unknown
 *   and not guessed (SECURITY.md#nothing-guessed).
 */
export function readDuration(value: unknown, unit: 's' | 'ms' = 's'): number | null {
  const isNumeric = typeof value === 'string' && /^\s*\d{1,20}(\.\d+)?\s*$/.test(value)
  const number = isNumeric ? Number(value) : value
  if (typeof number !== 'number' || !(number >= 0)) return null
  const seconds = Math.floor(unit === 'ms' ? number / 1000 : number)
  return seconds <= LONGEST_SECONDS ? seconds : null
}
