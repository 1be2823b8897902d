/**
 * Paste-back: reads the URL that a browser on another machine ended on. People copy it from an address bar, a chat or a
 * terminal, so what stands around it is dropped. The URL must begin with the login's own redirect URI; only its scheme may
 * differ, because browsers change http to https on their own (HSTS, HTTPS-only mode). Pure.
 */
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { type AuthorizationResponse, joined, parseAuthorizationResponse } from './authorization-response.js'
import type { Login } from './login.js'

/** Pairs of characters that people and programs put around a URL. */
const QUOTES = ['""', "''", '``', '<>', '()', '[]', '“”', '„“', '‘’', '«»']

/**
 * @param state - Of the login; `null` if it is unknown.
 * @throws CatchdError `redirect_malformed`
 */
export function pastedResponse(pasted: string, login: Login, state: Secret | null): AuthorizationResponse {
  const text = unquoted(pasted)
  const response = parseAuthorizationResponse(responsePart(text, login))
  const sentence = /[.,;:!?]$/.exec(text)
  if (sentence === null || state === null || response.state?.reveal() === state.reveal()) return response
  // The end of a sentence. It belongs to the URL unless the state is right only without it.
  const shorter = parseAuthorizationResponse(responsePart(text.slice(0, sentence.index), login))
  return shorter.state?.reveal() === state.reveal() ? shorter : response
}

/** The encoded parameters. */
function responsePart(text: string, { redirectUri, profile }: Login): string {
  const expected = new URL(redirectUri)
  const url = parsed(text, expected.protocol)
  if (url?.host === expected.host && url.pathname === expected.pathname) {
    const isInQuery = url.search.length > 1 && url.search !== expected.search
    return joined(redirectUri, isInQuery ? url.search.slice(1) : url.hash.slice(1))
  }
  const isPartOnly = !text.includes('://') && !/\s/.test(text)
  throw new CatchdError('redirect_malformed', {
    profile: profile ?? undefined,
    detail: isPartOnly
      ? `The pasted text is not a whole URL. Paste the whole address of the page, which begins with ${redirectUri}. The code alone is not enough.`
      : `The pasted text is not a URL that begins with ${redirectUri}.`,
  })
}

/** Line ends and tabs inside of a URL do not count: a terminal wraps long lines. Some address bars hide the scheme. */
function parsed(text: string, protocol: string): URL | undefined {
  const whole = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `${protocol}//${text}`
  if (!URL.canParse(whole)) return undefined
  const url = new URL(whole)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

function unquoted(pasted: string): string {
  let text = pasted
  for (;;) {
    text = text.trim().replace(/^view-source:/i, '')
    const isQuoted = QUOTES.some(([open = '', close = '']) => text.startsWith(open) && text.endsWith(close))
    if (!isQuoted || text.length < 2) return text
    text = text.slice(1, -1)
  }
}
