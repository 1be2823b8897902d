/**
 * The page of one login: what was stored, where and until when, or why nothing was and what to run next.
 *
 * Says only what the login itself says, so a reload shows the same. No code, `state` or token is known here.
 */
import { toInstant } from '../../../clock.js'
import { advised } from '../../../diagnosis/advice.js'
import type { Cause } from '../../../diagnosis/facts.js'
import { type CatchdError, FAILURES, type FailureCode } from '../../../failures.js'
import type {
  CaughtLogin,
  Login,
  StoredSummary,
  SucceededLogin,
  UnsuccessfulLogin,
} from '../../../login/login.js'
import { type Html, html } from './html.js'
import { fromNow, inWords } from './instants.js'
import { command, fact, facts, type Page, page, type Tone } from './page.js'

/** Failures that come before anything is stored, or instead of it. */
const NOTHING_STORED: ReadonlySet<FailureCode> = new Set([
  'authorization_denied',
  'issuer_mismatch',
  'login_expired',
  'profile_invalid',
  'provider_answer_invalid',
  'provider_refused',
  'provider_unreachable',
  'vault_locked',
  'vault_unavailable',
])

const CLOSE_TAB = 'You can close this tab.'

/**
 * @param answeredBefore - The browser brought a response that was used up already (promise 1).
 */
export function resultPage(login: Login, nowMs: number, answeredBefore: boolean): Page {
  switch (login.status) {
    case 'pending':
      return pendingPage(login.profile)
    case 'exchanging':
      return exchangingPage(login.profile)
    case 'succeeded':
      return 'caught' in login
        ? caughtPage(login, answeredBefore)
        : succeededPage(login, nowMs, answeredBefore)
    default:
      return unsuccessfulPage(login, answeredBefore)
  }
}

function pendingPage(profile: string | null): Page {
  return page({
    status: 200,
    tone: 'waiting',
    headline: ofProfile('Waiting for you', profile),
    summary: [
      html`<p>This login is not answered yet. Finish it at the authorization server, in the tab that was opened for it.</p>`,
    ],
    refreshSeconds: 2,
  })
}

function exchangingPage(profile: string | null): Page {
  return page({
    status: 200,
    tone: 'waiting',
    headline: ofProfile('Logging in', profile),
    summary: [html`<p>The authorization code is being redeemed. This page shows the result in a moment.</p>`],
    refreshSeconds: 1,
  })
}

function succeededPage({ profile, stored }: SucceededLogin, nowMs: number, answeredBefore: boolean): Page {
  return page({
    status: 200,
    tone: 'done',
    headline: `Logged in: ${profile}`,
    summary: [html`<p>${whatWasStored(stored)} stored. Nothing needs to be copied from this page.</p>`],
    body: html`${alreadyUsed(answeredBefore)}
${facts([
  fact('Profile', html`<code>${profile}</code>`),
  ...(stored.subject === null ? [] : [fact('Account', html`${stored.subject}`)]),
  fact('Stored in', html`${stored.storedIn}`),
  fact('Valid until', validity(stored, nowMs)),
  fact('Scope', scopes(stored.scope)),
])}
${command('Use it', `catchd token ${profile}`)}`,
    closing: CLOSE_TAB,
  })
}

function whatWasStored({ hasRefreshToken }: StoredSummary): string {
  return hasRefreshToken ? 'An access token and a refresh token are' : 'An access token is'
}

/** What is unknown is said to be unknown (promise 10). */
function validity({ accessTokenExpiresAtMs, hasRefreshToken }: StoredSummary, nowMs: number): Html {
  const afterwards = hasRefreshToken ? 'then renewed automatically' : 'then log in again'
  if (accessTokenExpiresAtMs === null) {
    return html`unknown: the server does not say<small>until it is refused, ${afterwards}</small>`
  }
  const words = inWords(accessTokenExpiresAtMs)
  if (words === undefined) return html`beyond the calendar<small>${afterwards}</small>`
  const distance = fromNow(accessTokenExpiresAtMs, nowMs)
  return html`<time datetime="${toInstant(accessTokenExpiresAtMs)}">${words}</time><small>${distance}, ${afterwards}</small>`
}

function scopes(scope: string | null): Html {
  const names = (scope ?? '').split(' ').filter((name) => name !== '')
  if (names.length === 0) return html`${scope === null ? 'the server does not say' : 'none'}`
  return html`<ul>${names.map((name) => html`<li><code>${name}</code></li>`)}</ul>`
}

function unsuccessfulPage(login: UnsuccessfulLogin, answeredBefore: boolean): Page {
  const { profile, failure, status, report } = login
  // Who cancelled it knows why.
  const likely = status === 'cancelled' ? [] : (report?.causes ?? [])
  const { tone, headline } = outcome(login)
  return page({
    status: failure.status,
    tone,
    headline: ofProfile(headline, profile),
    summary: causes(login),
    body: html`${alreadyUsed(answeredBefore)}
${quote(failure)}
${likelyCause(likely[0])}
${facts([
  ...(profile === null ? [] : [fact('Profile', html`<code>${profile}</code>`)]),
  ...(NOTHING_STORED.has(failure.code) ? [fact('Stored', html`nothing`)] : []),
  fact('Failure', html`<code>${failure.code}</code>`),
])}
${command('Run next', advised(failure, likely).next)}`,
    closing: CLOSE_TAB,
  })
}

/** The likeliest one alone; the command line and the API tell the others and what was sent. */
function likelyCause(cause: Cause | undefined): Html | null {
  if (cause === undefined) return null
  const { detail, fix } = cause
  const value = fix.register ?? fix.set
  return html`<section class="cause" aria-label="Likely cause"><h2>Likely cause</h2><p>${detail}</p>${
    value === null
      ? null
      : html`<h2>${fix.register === null ? 'Set in the profile' : 'Register at the server'}</h2><pre class="value"><code>${value}</code></pre>`
  }</section>`
}

function outcome({ status, failure }: UnsuccessfulLogin): { tone: Tone; headline: string } {
  if (status === 'expired') return { tone: 'over', headline: 'Login expired' }
  if (status === 'cancelled') return { tone: 'over', headline: 'Login cancelled' }
  if (failure.code === 'authorization_denied') return { tone: 'denied', headline: 'Login denied' }
  return { tone: 'failed', headline: 'Login failed' }
}

/** The detail; before it the catalogue's title, where the headline says no more than "failed". */
function causes({ status, failure: { code, detail } }: UnsuccessfulLogin): Html[] {
  const title = html`<p>${FAILURES[code].title}.</p>`
  if (detail === undefined) return [title]
  const isPlain = status !== 'failed' || code === 'authorization_denied'
  return isPlain ? [html`<p>${detail}</p>`] : [title, html`<p>${detail}</p>`]
}

/** The server's own words, as text: never a link, and `error_uri` not at all. */
function quote({ error, errorDescription }: CatchdError): Html | null {
  if (error === undefined && errorDescription === undefined) return null
  return html`<section aria-label="The authorization server said"><h2>The authorization server said</h2><blockquote dir="auto">${
    error === undefined ? null : html`<code>${error}</code>`
  }${errorDescription === undefined ? null : html`<p>${errorDescription}</p>`}</blockquote></section>`
}

/** Said of what was caught; what came is the tool's alone, also where it is an error. */
function caughtPage({ caught }: CaughtLogin, answeredBefore: boolean): Page {
  const isError = caught === 'error'
  return page({
    status: 200,
    tone: isError ? 'failed' : 'done',
    headline: isError ? 'Error handed over' : 'Response handed over',
    summary: [
      isError
        ? html`<p>The authorization server answered with an error. The tool that waits for the response was handed it, and says more.</p>`
        : html`<p>The authorization response was handed to the tool that waits for it. Nothing was redeemed or stored here.</p>`,
    ],
    body: html`${alreadyUsed(answeredBefore)}`,
    closing: CLOSE_TAB,
  })
}

/** A response that is only caught belongs to no profile. */
function ofProfile(headline: string, profile: string | null): string {
  return profile === null ? headline : `${headline}: ${profile}`
}

function alreadyUsed(answeredBefore: boolean): Html | null {
  if (!answeredBefore) return null
  return html`<p class="note">This authorization response was used already. It was not redeemed again; this is how its login ended.</p>`
}
