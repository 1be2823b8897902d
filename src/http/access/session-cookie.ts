/**
 * The cookie that a session of the dashboard lives in. Pure.
 *
 * Cookies know no port (RFC 6265 §8.5): the name holds ours, so that two daemons on one machine do not overwrite each
 * other's, and every server on this host is sent it. That is why it shows and does nothing by itself (session-checks.ts).
 */
import type { Secret } from '../../secret.js'

/** A server next door can set cookies of this name with other paths; more than a few are not looked at. */
const MOST_VALUES = 4

/** @param host - The Host header, checked before. */
export function sessionIds(cookie: string | undefined, host: string): string[] {
  const name = nameFor(host)
  // On the way of every request without a key over TCP; most have no cookie at all.
  if (cookie === undefined || !cookie.includes(name)) return []
  return cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
    .slice(0, MOST_VALUES)
}

/** Not `Secure`: the dashboard is http on this machine, and not every browser stores such a cookie from there. */
export function sessionCookie(id: Secret, host: string): string {
  return `${nameFor(host)}=${id.reveal()}; Path=/; HttpOnly; SameSite=Strict`
}

export function endedCookie(host: string): string {
  return `${nameFor(host)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`
}

function nameFor(host: string): string {
  return `catchd-session-${host.slice(host.lastIndexOf(':') + 1)}`
}
