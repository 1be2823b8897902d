/** The difference between the clock of this machine and a server's, from the server's Date header. Pure. */

/**
 * Date has whole seconds (RFC 9110 §6.6.1), and was written at some time between request and answer.
 *
 * @param date - The server's Date header.
 * @returns The smallest possible difference in seconds: positive if this machine is ahead, negative if it is behind, 0 if
 *   the clocks may agree; `undefined` if there is no usable header.
 */
export function clockDifference(
  date: string | undefined,
  sentAtMs: number,
  answeredAtMs: number,
): number | undefined {
  const serverMs = Date.parse(date ?? '')
  if (Number.isNaN(serverMs)) return undefined
  const behindMs = Math.max(0, serverMs - answeredAtMs)
  const aheadMs = Math.max(0, sentAtMs - (serverMs + 1_000))
  return Math.round((aheadMs - behindMs) / 1000)
}
