/** How far the clock of this machine is from a server's, as far as the server's Date header tells. Pure. */

/**
 * Date has whole seconds (RFC 9110 §6.6.1), and was written some time between request and answer.
 *
 * @param date - The server's header.
 * @returns By how many seconds at least this machine is ahead, negative when it is behind, 0 when the two may agree;
 *   `undefined` where the server does not say what time it is.
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
