/**
 * The page for a request that changed nothing, because it is not an authorization response or matches no login.
 *
 * The request's query can contain a code. The page does not repeat it, and its script removes it from the address bar.
 * The new address shows the same page again on reload. While catchd is locked, the address stays as it is: its code is
 * not used yet, and loading the page again after the unlock finishes the login.
 */
import { type CatchdError, FAILURES, type FailureCode } from '../../../failures.js'
import { html } from './html.js'
import { command, fact, type Page, page, pageScript, type Tone } from './page.js'

const CLEAN_ADDRESS_BAR = pageScript(
  'history.replaceState(null,"",document.documentElement.dataset.cleanPath)',
)

const HEADLINES: Readonly<Partial<Record<FailureCode, string>>> = {
  state_unknown: 'No login is waiting for this response',
  login_unknown: 'Unknown login',
  login_expired: 'Login expired',
  redirect_malformed: 'Not an authorization response',
  host_refused: 'Wrong address',
  locked: 'catchd is locked',
  origin_refused: 'Request refused',
  request_invalid: 'Invalid request',
  route_unknown: 'Page not found',
}

/** The explanation, if the failure has no detail. */
const CAUSES: Readonly<Partial<Record<FailureCode, string>>> = {
  state_unknown: 'The login has expired, has already been completed, or was not started by this catchd.',
  login_unknown: 'catchd keeps the result of a login for a limited time, and only until it restarts.',
  login_expired: 'The login was not finished in time.',
  redirect_malformed: 'The address is not a valid response of an authorization server.',
  locked: 'Nothing is lost: the login still waits. Unlock catchd, and then load this page again.',
  host_refused:
    'No configured redirect URI has this address. Note that localhost and 127.0.0.1 are different addresses.',
  origin_refused: 'This address can only be opened as a page, not by a prefetch, frame, image or script.',
  route_unknown: "Only the profiles' redirect URIs exist at this address.",
}

/** The user may wonder whether the login in another tab is lost. The page says that it is not. */
const HARMLESS: ReadonlySet<FailureCode> = new Set(['state_unknown', 'redirect_malformed', 'origin_refused'])

/** Whether the refusal page of this code can be shown again at its own path. */
export function isRefusalCode(code: string): code is FailureCode {
  return Object.hasOwn(HEADLINES, code)
}

/** @param cleanPath - The path to show in the address bar instead of the refused URL; `null`: no change. */
export function refusalPage(failure: CatchdError, cleanPath: string | null): Page {
  const { code, status, detail = CAUSES[code] ?? `${FAILURES[code].title}.`, next, profile } = failure
  return page({
    status,
    tone: toneOf(failure),
    headline: HEADLINES[code] ?? FAILURES[code].title,
    summary: [
      html`<p>${detail}</p>`,
      ...(HARMLESS.has(code) ? [html`<p>Other logins in progress are not affected.</p>`] : []),
    ],
    body: html`${profile === undefined ? null : html`<dl>${fact('Profile', html`<code>${profile}</code>`)}</dl>`}
${command('Run next', next)}`,
    ...(cleanPath === null ? {} : { script: CLEAN_ADDRESS_BAR, cleanPath }),
  })
}

function toneOf({ code, status }: CatchdError): Tone {
  if (code === 'login_expired') return 'over'
  return status >= 500 ? 'failed' : 'lost'
}
