/**
 * Reads the refusals of token endpoints: RFC 6749 §5.2, and other formats of servers, also with status 200.
 *
 * Pure. The resulting texts go into logs and pages. They are one short line and contain none of the sent secrets, which
 * some servers quote.
 */
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { isObject, type Members } from './json-object.js'

const LONGEST_TEXT = 500
const LONGEST_CODE = 100

interface Named {
  /** An error code. A text with spaces is a description. */
  readonly code: unknown
  readonly description: unknown
}

/** @returns `undefined` if the answer does not look like a refusal. */
export function findRefusal(
  members: Members,
  status: number,
  sent: readonly Secret[],
): CatchdError | undefined {
  const named = find(members)
  if (named !== undefined) return refused(named, sent)
  if (status < 400) return undefined
  return refused({ code: undefined, description: textIn(members) }, sent)
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
  // Twitch
  if (typeof status === 'number' && status >= 400) return { code: undefined, description: text }
  // HubSpot
  const { category, access_token: token } = members
  if (typeof category === 'string' && text !== undefined && token === undefined)
    return { code: category, description: text }
  return undefined
}

/** Strava sends "invalid" and the name of the invalid field. */
function codeOf({ code, field }: Members): unknown {
  return typeof code === 'string' && typeof field === 'string' ? `${code}_${field}` : code
}

function textIn(members: Members): string | undefined {
  const texts = [members['error_description'], members['message'], members['errmsg'], members['msg']]
  return texts.find((text) => typeof text === 'string' && text !== '') as string | undefined
}

function refused({ code, description }: Named, sent: readonly Secret[]): CatchdError {
  const word = typeof code === 'string' ? harmless(code, sent, LONGEST_CODE) : ''
  const isCode = word !== '' && !word.includes(' ')
  const texts = [
    isCode ? '' : word,
    typeof description === 'string' ? harmless(description, sent, LONGEST_TEXT) : '',
  ]
  const text = texts.filter((part) => part !== '').join(': ')
  return new CatchdError('provider_refused', {
    detail: 'The token endpoint refused the request.',
    error: isCode ? word : undefined,
    errorDescription: text === '' ? undefined : text,
  })
}

/** Removes line breaks, direction marks and our own secrets, and shortens long texts. */
export function harmless(text: string, sent: readonly Secret[], longest: number): string {
  let clean = text
  for (const spelling of spellings(sent)) clean = clean.replaceAll(spelling, '[secret]')
  return clean
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, longest)
}

/** A secret in plain and in encoded form, the longest first. */
function spellings(sent: readonly Secret[]): string[] {
  const values = sent.map((secret) => secret.reveal()).filter((value) => value !== '')
  const encoded = values.flatMap((value) => [
    value,
    encodeURIComponent(value),
    new URLSearchParams({ '': value }).toString().slice(1),
    JSON.stringify(value).slice(1, -1),
  ])
  return [...new Set(encoded)].sort((a, b) => b.length - a.length)
}
