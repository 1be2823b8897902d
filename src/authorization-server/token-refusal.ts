/**
 * Reads the refusals of token endpoints: RFC 6749 §5.2, and other formats of servers, also with status 200.
 *
 * Pure. The resulting texts go into logs and pages. They are one short line and contain nothing secret that was sent,
 * which some servers quote. What the refusal means is decided on its error code as it came ({@link codeOfRefusal}).
 */
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { isObject, type Members } from './json-object.js'
import type { SentValues } from './sent-values.js'

const LONGEST_TEXT = 500
const LONGEST_CODE = 100

interface Named {
  /** An error code. A text with spaces is a description. */
  readonly code: unknown
  readonly description: unknown
}

/** @returns `undefined` if the answer does not look like a refusal. */
export function findRefusal(members: Members, status: number, sent: SentValues): CatchdError | undefined {
  const named = find(members)
  if (named !== undefined) return refused(named, sent)
  if (status < 400) return undefined
  return refused({ code: codeIn(members), description: textIn(members) }, sent)
}

/** In order of priority, because an answer can have several of them. */
function find(members: Members): Named | undefined {
  const { error, error_description: description, ok, success, errcode, errmsg, errors, status } = members
  const text = textIn(members)
  // GitHub, Zoho, Slack and the standard
  if (typeof error === 'string' && error !== '') return { code: error, description: description ?? text }
  // Facebook
  if (isObject(error)) return { code: error['type'] ?? error['code'], description: error['message'] ?? text }
  if (error === true || (typeof error === 'number' && error !== 0))
    return { code: undefined, description: text }
  // Fitbit, Strava
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined
  if (isObject(first)) {
    return { code: first['errorType'] ?? codeOf(first), description: first['message'] ?? text }
  }
  // WeChat
  if (typeof errcode === 'number' && errcode !== 0) return { code: String(errcode), description: errmsg }
  if (ok === false || success === false) return { code: undefined, description: text }
  // Twitch; Notion, with a code
  if (typeof status === 'number' && status >= 400) return { code: codeIn(members), description: text }
  // HubSpot
  const { category, access_token: token } = members
  if (typeof category === 'string' && text !== undefined && token === undefined)
    return { code: category, description: text }
  return undefined
}

/** Without `error`, some servers have a code in a member of another name. */
function codeIn(members: Members): unknown {
  return [members['code'], members['error_code']].find((code) => typeof code === 'string')
}

/** Strava sends "invalid" and the name of the invalid field. */
function codeOf({ code, field }: Members): unknown {
  return typeof code === 'string' && typeof field === 'string' ? `${code}_${field}` : code
}

/** The standard's; those of other servers (`reason`: Zoom); RFC 9457 §3.1. */
const TEXT_MEMBERS = ['error_description', 'message', 'errmsg', 'msg', 'reason', 'detail', 'title']

function textIn(members: Members): string | undefined {
  const texts = TEXT_MEMBERS.map((name) => members[name])
  return texts.find((text) => typeof text === 'string' && text !== '') as string | undefined
}

/**
 * Codes of the standards (RFC 6749, 6750, 7009, 7591, 8628, 8707, 9126, 9449, OpenID Connect Core). Everybody knows them,
 * so they are shown even if a secret is equal to one.
 */
const STANDARD_CODES: ReadonlySet<string> = new Set([
  'access_denied',
  'account_selection_required',
  'authorization_pending',
  'consent_required',
  'expired_token',
  'insufficient_scope',
  'interaction_required',
  'invalid_client',
  'invalid_client_metadata',
  'invalid_dpop_proof',
  'invalid_grant',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'invalid_token',
  'login_required',
  'server_error',
  'slow_down',
  'temporarily_unavailable',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'unsupported_token_type',
  'use_dpop_nonce',
])

/**
 * Codes that mean that the user did not agree: RFC 6749 §4.1.2.1, RFC 8628 §3.5, OpenID Connect Core §3.1.2.6 (LemonLDAP::NG
 * when the user refuses consent), and Entra's own word.
 */
const DENIALS: ReadonlySet<string> = new Set(['access_denied', 'authorization_declined', 'consent_required'])

/** @param code - As it came. */
export function isDenial(code: string | undefined): boolean {
  return code !== undefined && DENIALS.has(code)
}

/** The error code for display. */
export function shownCode(code: string, sent: SentValues): string {
  return STANDARD_CODES.has(code) ? code : sent.line(code, LONGEST_CODE)
}

/** The error code of the server as it came, to decide what the refusal means. Never to be shown. */
export function codeOfRefusal({ evidence, error }: CatchdError): string | undefined {
  return evidence?.errorCode?.reveal() ?? error
}

function refused({ code, description }: Named, sent: SentValues): CatchdError {
  const word = typeof code === 'string' ? code.trim() : ''
  const isCode = word !== '' && !/\s/.test(word)
  const texts = [isCode ? '' : word, typeof description === 'string' ? description : '']
  const text = texts
    .map((part) => sent.line(part, LONGEST_TEXT))
    .filter((part) => part !== '')
    .join(': ')
  return new CatchdError('provider_refused', {
    detail: 'The token endpoint refused the request.',
    error: isCode ? shownCode(word, sent) : undefined,
    errorDescription: text === '' ? undefined : text,
    evidence: isCode ? { errorCode: new Secret(word) } : {},
  })
}
