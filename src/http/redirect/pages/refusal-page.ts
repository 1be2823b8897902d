/**
 * The page for a request that changed nothing: not read as an authorization response, or matching no login.
 *
 * The request's query may hold a code. The page does not echo it, and its script takes it out of the address
 * bar, pointing to a path where the same refusal can be reloaded.
 */
import { type CatchdError, FAILURES, type FailureCode } from '../../../failures.js'
import { html } from './html.js'
import { command, fact, facts, type Page, PageScript, page, type Tone } from './page.js'

const CLEAN_ADDRESS_BAR = new PageScript(
  'history.replaceState(null,"",document.documentElement.dataset.cleanPath)',
)

const HEADLINES: Readonly<Partial<Record<FailureCode, string>>> = {
  state_unknown: 'No login is waiting for this',
  login_unknown: 'This login is not known',
  login_expired: 'Login expired',
  redirect_malformed: 'This is not an authorization response',
  host_refused: 'Wrong address',
  origin_refused: 'Only your browser may answer here',
  request_invalid: 'This request is not answered here',
  route_unknown: 'Nothing is here',
}

/** The cause, where the failure itself says no more. */
const CAUSES: Readonly<Partial<Record<FailureCode, string>>> = {
  state_unknown: 'It expired, was answered already or was never begun here.',
  login_unknown: 'Its result is kept for a while only, and not after a restart.',
  login_expired: 'Nobody finished the login in time.',
  redirect_malformed: 'The address cannot be read as one answer of an authorization server.',
  host_refused:
    'This address belongs to none of the configured redirect URIs. Mind that localhost and 127.0.0.1 are different ones.',
  origin_refused: 'Prefetches, frames, images and scripts are refused: only opening the page itself counts.',
  route_unknown: 'Logins come back to the redirect URI of their profile; there is nothing else to see.',
}

/** A person may wonder whether the login in the other tab is lost. */
const HARMLESS: ReadonlySet<FailureCode> = new Set(['state_unknown', 'redirect_malformed', 'origin_refused'])

/** Refusals that can be shown again under a path of their own. */
export function isRefusalCode(code: string): code is FailureCode {
  return Object.hasOwn(HEADLINES, code)
}

/**
 * @param status - Where it says more than the failure's own, as 405 does.
 * @param cleanPath - What the address bar shall show instead of the refused URL; `null` leaves it alone.
 */
export function refusalPage(failure: CatchdError, status: number, cleanPath: string | null): Page {
  const { code, detail = CAUSES[code] ?? `${FAILURES[code].title}.`, next, profile } = failure
  return page({
    status,
    tone: toneOf(failure, status),
    headline: HEADLINES[code] ?? FAILURES[code].title,
    summary: [
      html`<p>${detail}</p>`,
      ...(HARMLESS.has(code) ? [html`<p>Nothing was changed: a login that is waiting still waits.</p>`] : []),
    ],
    body: html`${profile === undefined ? null : facts([fact('Profile', html`<code>${profile}</code>`)])}
${command('Run next', next)}`,
    ...(cleanPath === null ? {} : { script: CLEAN_ADDRESS_BAR, cleanPath }),
  })
}

function toneOf({ code }: CatchdError, status: number): Tone {
  if (code === 'login_expired') return 'over'
  return status >= 500 ? 'failed' : 'lost'
}
