/**
 * The cookie of a dashboard session. Pure.
 *
 * Cookies do not depend on the port (RFC 6265 §8.5). Its name contains our port, so that two daemons on one machine do
 * not overwrite each other's cookie. Browsers send it to every server on this host, so the cookie alone gives no access
 * (session-checks.ts).
 */
import type { Secret } from '../../secret.js'

/** Another server on this host can set cookies of this name with other paths. Only a few are checked. */
const MOST_VALUES = 4

/** @param host - The Host header, already checked. */
export function sessionIds(cookie: string | undefined, host: string): string[] {
  const name = nameFor(host)
  // Runs for every TCP request without a key, and most have no cookie.
  if (cookie === undefined || !cookie.includes(name)) return []
  return cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
    .slice(0, MOST_VALUES)
}

/** Not `Secure`: the dashboard uses http, and some browsers do not store a `Secure` cookie from http on loopback. */
export function sessionCookie(id: Secret, host: string): string {
  return `${nameFor(host)}=${id.reveal()}; Path=/; HttpOnly; SameSite=Strict`
}

export function endedCookie(host: string): string {
  return `${nameFor(host)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`
}

function nameFor(host: string): string {
  return `catchd-session-${host.slice(host.lastIndexOf(':') + 1)}`
}
