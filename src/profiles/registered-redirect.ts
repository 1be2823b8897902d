/** The redirect URI that a client is registered with (RFC 8252 §7.3), and refusals that are about it. Pure. */
import { CatchdError } from '../failures.js'

/** A redirect URI with a new port for each login is registered without a port (RFC 8252 §7.3). */
export function redirectUris(
  name: string,
  port: number,
  configured = `http://127.0.0.1:${port}/callback/${name}`,
) {
  const url = new URL(configured)
  if (url.port === '0') url.port = ''
  return { configured, registered: new URL(configured).port === '0' ? url.href : configured }
}

/** RFC 7591 §3.2.2, and what servers write that have only one error for everything. */
export function isAboutRedirectUri(error: unknown): boolean {
  if (!(error instanceof CatchdError) || error.code !== 'provider_refused') return false
  const text = `${error.error ?? ''} ${error.errorDescription ?? ''}`
  return /redirect[_ -]?ur[il]|callback[_ -]?url|127\.0\.0\.1|localhost|loopback/i.test(text)
}

/** The same redirect URI with the name of the interface. */
export function onLocalhost(redirectUri: string): string {
  return redirectUri.replace('//127.0.0.1:', '//localhost:')
}
