/**
 * Translates error codes of the network and of TLS to `provider_unreachable`, or to `provider_answer_invalid` if the
 * answer is not HTTP. No other file does this.
 *
 * Pure. Messages name the host and the cause, never the path or the query, which can contain secrets.
 */
import { CatchdError } from '../failures.js'
import type { HttpProxy } from './proxy-choice.js'

/** This machine does not know the CA. Usually it is a private CA. */
export const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet. Check the clock of this machine',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed before an answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'the network is down',
  ENOTFOUND: 'its name cannot be resolved',
  EPIPE: 'the connection was closed before an answer',
  EPROTO: 'the TLS handshake failed',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not use TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  ETIMEDOUT: 'the connection was not accepted in time',
}

/**
 * @param host - Host and port, as in `URL.host`.
 * @param proxy - The proxy of the connection, if any.
 */
export function connectionFailure(thrown: unknown, host: string, proxy: HttpProxy | undefined): CatchdError {
  const code = codeOf(thrown)
  if (code.startsWith('HPE_')) {
    return new CatchdError('provider_answer_invalid', `The answer of ${host} is not HTTP (${code}).`)
  }
  return unreachable(`${host} cannot be reached${through(proxy)}: ${reasonFor(code)}.`, code)
}

/** @param deadlineMs - The time limit of the server. */
export function silence(host: string, deadlineMs: number, proxy: HttpProxy | undefined): CatchdError {
  return unreachable(
    `${host} did not answer within ${deadlineMs / 1000} seconds${through(proxy)}.`,
    'ETIMEDOUT',
  )
}

/** The proxy itself cannot be reached, or is not a proxy. */
export function proxyFailure(thrown: unknown, { host, variable }: HttpProxy): CatchdError {
  const code = codeOf(thrown)
  const what = code.startsWith('HPE_')
    ? `The answer of the proxy ${host} is not HTTP (${code}).`
    : `The proxy ${host} cannot be reached: ${reasonFor(code)}.`
  return atProxy(`${what} Correct ${variable}, or add servers that need no proxy to NO_PROXY.`)
}

/** @param server - Host and port of the server behind the proxy. */
export function proxySilence({ host, variable }: HttpProxy, server: string, deadlineMs: number): CatchdError {
  return atProxy(
    `The proxy ${host} did not open a tunnel to ${server} within ${deadlineMs / 1000} seconds. Check ${variable}.`,
  )
}

/**
 * The proxy answered CONNECT but opened no tunnel (RFC 9110 §9.3.6).
 *
 * @param challenges - The values of `Proxy-Authenticate`.
 */
export function tunnelRefusal(
  status: number,
  challenges: string,
  proxy: HttpProxy,
  server: string,
): CatchdError {
  const { host } = proxy
  const refused = `The proxy ${host} refused a tunnel to ${server} (status ${status}).`
  if (status === 407) return atProxy(`${refused} ${howToAuthenticate(challenges, proxy)}`)
  if (status >= 500)
    return atProxy(`${refused} The proxy cannot reach that server, or must not. Ask its administrator.`)
  return atProxy(
    `${refused} Ask its administrator to allow CONNECT to that server, or add the server to NO_PROXY.`,
  )
}

/** In TLS the client sends first, so data that arrives before that comes from the proxy. */
export function tunnelNoise({ host, variable }: HttpProxy): CatchdError {
  return atProxy(`The data that the proxy ${host} sent through its tunnel is not TLS. Check ${variable}.`)
}

/** Schemes that need an exchange of several requests on one connection, which catchd does not do. */
const OF_WINDOWS = /\b(?:NTLM|Negotiate|Kerberos)\b/gi

/** The user name is named, never the password. */
function howToAuthenticate(challenges: string, { variable, user, authorization }: HttpProxy): string {
  const offered = [...new Set(challenges.match(OF_WINDOWS) ?? [])].join(' and ')
  if (challenges !== '' && !/\bbasic\b/i.test(challenges)) {
    const which = offered === '' ? '' : ` (${offered})`
    const whom = user === undefined ? '' : ` and logs in as ${user}`
    return `It requires another authentication than Basic${which}. Set ${variable} to a local proxy that supports it${whom}, such as px or cntlm.`
  }
  if (authorization === undefined) {
    return `It requires a user name and password. Set ${variable} to http://USER:PASSWORD@HOST:PORT.`
  }
  const whose = user === undefined ? '' : ` ${user}`
  const refused = `It did not accept the user name${whose} and password in ${variable}. Special characters in them must be percent-encoded.`
  const hasDomain = /[\\@]/.test(user ?? '')
  return offered === '' || hasDomain
    ? refused
    : `${refused} It also offers ${offered}: the user name then often has a domain, as DOMAIN%5CUSER.`
}

/** The profile is not the cause, so the next command is `catchd doctor`, which shows the proxy in use. */
function atProxy(detail: string): CatchdError {
  return new CatchdError('provider_unreachable', { detail, next: 'catchd doctor' })
}

/** @param reason - The error code behind it, for src/diagnosis. */
function unreachable(detail: string, reason: string): CatchdError {
  return new CatchdError('provider_unreachable', { detail, evidence: { reason } })
}

function through(proxy: HttpProxy | undefined): string {
  return proxy === undefined ? '' : ` through the proxy ${proxy.host}`
}

/** For a connection that closed without an answer. Node.js does not report every one as an error. */
export function closedConnection(): Error {
  return Object.assign(new Error('closed'), { code: 'ECONNRESET' })
}

/** Whether the server, or something between, closed the connection. */
export function isReset(thrown: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(codeOf(thrown))
}

function codeOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

function reasonFor(code: string): string {
  if (UNKNOWN_AUTHORITY.has(code)) {
    return `its certificate is signed by a CA that this machine does not know (${code}). Set ca_file to that CA`
  }
  return REASONS[code] ?? (code === '' ? 'the connection failed' : `the connection failed (${code})`)
}
