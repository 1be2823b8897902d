/**
 * Why an authorization server could not be reached, in words: the one place where error codes of the network
 * and of TLS become `provider_unreachable`, or `provider_answer_invalid` where something answered that is no HTTP.
 *
 * Pure. Names the host and the cause, never the path or the query: they may hold what nobody should see.
 */
import { CatchdError } from '../failures.js'

/** The CA is not known here: the usual case of a private one. */
const UNKNOWN_AUTHORITY = new Set([
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

/** @param host - Host and port, as `URL.host` gives them. */
export function connectionFailure(thrown: unknown, host: string): CatchdError {
  const code = codeOf(thrown)
  if (code.startsWith('HPE_')) {
    return new CatchdError('provider_answer_invalid', `What ${host} answered is not HTTP (${code}).`)
  }
  return new CatchdError('provider_unreachable', `${host} cannot be reached: ${reasonFor(code)}.`)
}

/** @param deadlineMs - What the server had. */
export function silence(host: string, deadlineMs: number): CatchdError {
  const seconds = deadlineMs / 1000
  return new CatchdError('provider_unreachable', `${host} did not answer within ${seconds} seconds.`)
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
