/**
 * Why an authorization server could not be reached, in words: the one place where error codes of the network
 * and of TLS become `provider_unreachable`, or `provider_answer_invalid` where something answered that is no HTTP.
 *
 * Pure. Names the host and the cause, never the path or the query: they may hold what nobody should see.
 */
import { CatchdError } from '../failures.js'
import type { HttpProxy } from './proxy-choice.js'

/** The CA is not known here: the usual case of a private one. */
export const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock right?',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut before an answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no network',
  ENOTFOUND: 'its name cannot be resolved',
  EPIPE: 'the connection was cut before an answer',
  EPROTO: 'it does not speak TLS as it should',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ETIMEDOUT: 'the connection was not accepted in time',
}

/**
 * @param host - Host and port, as `URL.host` gives them.
 * @param proxy - Whose tunnel led there.
 */
export function connectionFailure(thrown: unknown, host: string, proxy: HttpProxy | undefined): CatchdError {
  const code = codeOf(thrown)
  if (code.startsWith('HPE_')) {
    return new CatchdError('provider_answer_invalid', `What ${host} answered is not HTTP (${code}).`)
  }
  return unreachable(`${host} cannot be reached${through(proxy)}: ${reasonFor(code)}.`, code)
}

/** @param deadlineMs - What the server had. */
export function silence(host: string, deadlineMs: number, proxy: HttpProxy | undefined): CatchdError {
  return unreachable(
    `${host} did not answer within ${deadlineMs / 1000} seconds${through(proxy)}.`,
    'ETIMEDOUT',
  )
}

/** The proxy itself cannot be reached, or is no proxy. */
export function proxyFailure(thrown: unknown, { host, variable }: HttpProxy): CatchdError {
  const code = codeOf(thrown)
  const what = code.startsWith('HPE_')
    ? `What the proxy ${host} answered is not HTTP (${code}).`
    : `The proxy ${host} cannot be reached: ${reasonFor(code)}.`
  return atProxy(`${what} Correct ${variable}, or name servers that need no proxy in NO_PROXY.`)
}

/** @param server - Host and port of the server that it was asked to reach. */
export function proxySilence({ host, variable }: HttpProxy, server: string, deadlineMs: number): CatchdError {
  return atProxy(
    `The proxy ${host} did not open a tunnel to ${server} within ${deadlineMs / 1000} seconds. Is ${variable} right?`,
  )
}

/**
 * The answer to CONNECT that opened no tunnel (RFC 9110 §9.3.6).
 *
 * @param challenges - Of `Proxy-Authenticate`.
 */
export function tunnelRefusal(
  status: number,
  challenges: string,
  proxy: HttpProxy,
  server: string,
): CatchdError {
  const { host, variable, authorization } = proxy
  const refused = `The proxy ${host} refused a tunnel to ${server} (status ${status}).`
  if (status === 407) return atProxy(`${refused} ${howToAuthenticate(challenges, variable, authorization)}`)
  if (status >= 500)
    return atProxy(`${refused} It may not reach that server; whoever runs the proxy can tell.`)
  return atProxy(
    `${refused} Ask whoever runs it to allow CONNECT to that server, or name the server in NO_PROXY.`,
  )
}

/** In TLS the client speaks first: what came before belongs to the proxy. */
export function tunnelNoise({ host, variable }: HttpProxy): CatchdError {
  return atProxy(`What the proxy ${host} sent through its tunnel is not TLS. Is ${variable} right?`)
}

function howToAuthenticate(challenges: string, variable: string, sent: unknown): string {
  if (challenges !== '' && !/\bbasic\b/i.test(challenges)) {
    return `It wants another authentication than Basic: let ${variable} name a local proxy that can do it, such as px or cntlm.`
  }
  return sent === undefined
    ? `It wants a user name and password: set ${variable} to http://USER:PASSWORD@HOST:PORT.`
    : `It did not accept the user name and password of ${variable}; special characters in them are percent-encoded.`
}

/** The profile is not at fault: `catchd doctor` says which proxy is in use. */
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

/** Whether the other side, or something on the way, cut the connection. */
export function isReset(thrown: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(codeOf(thrown))
}

function codeOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

function reasonFor(code: string): string {
  if (UNKNOWN_AUTHORITY.has(code)) {
    return `its certificate is signed by a CA that is not known here (${code}). Name that CA with ca_file`
  }
  return REASONS[code] ?? (code === '' ? 'the connection failed' : `the connection failed (${code})`)
}
