/**
 * The page of one login: what was stored, where, and how long it is valid; or why the login failed and what to run next.
 *
 * The page is made only from the login's result, so a reload shows the same. It has no code, `state` or token.
 */
import { toInstant } from '../../../clock.js'
import { advised } from '../../../diagnosis/advice.js'
import type { Cause } from '../../../diagnosis/facts.js'
import { type CatchdError, FAILURES } from '../../../failures.js'
import type {
  CaughtLogin,
  Login,
  StoredSummary,
  SucceededLogin,
  UnsuccessfulLogin,
} from '../../../login/login.js'
import { type Html, html } from './html.js'
import { fromNow, inWords } from './instants.js'
import { command, fact, type Page, page, scopes, type Tone } from './page.js'

const CLOSE_TAB = 'You can close this tab.'

export interface ResultView {
  readonly nowMs: number
  /** The browser sent a response that was already used (SECURITY.md#one-state-one-redemption). */
  readonly answeredBefore: boolean
  /** Whether the profile of an unsuccessful login has tokens of an earlier one; `undefined` if that is not known. */
  readonly earlierTokens?: boolean | undefined
}

export function resultPage(login: Login, view: ResultView): Page {
  const { nowMs, answeredBefore } = view
  switch (login.status) {
    case 'pending':
      return waitingPage(
        ofProfile('Waiting for you', login.profile),
        'This login is not finished yet. Finish it at the authorization server, in the tab that was opened for it.',
        2,
      )
    case 'exchanging':
      return waitingPage(
        ofProfile('Logging in', login.profile),
        'catchd is redeeming the authorization code. This page will show the result in a moment.',
        1,
      )
    case 'succeeded':
      return 'caught' in login
        ? caughtPage(login, answeredBefore)
        : succeededPage(login, nowMs, answeredBefore)
    default:
      return unsuccessfulPage(login, view)
  }
}

function waitingPage(headline: string, text: string, refreshSeconds: number): Page {
  return page({ status: 200, tone: 'waiting', headline, summary: [html`<p>${text}</p>`], refreshSeconds })
}

function succeededPage({ profile, stored }: SucceededLogin, nowMs: number, answeredBefore: boolean): Page {
  const tokens = stored.hasRefreshToken ? 'An access token and a refresh token are' : 'An access token is'
  return page({
    status: 200,
    tone: 'done',
    headline: `Logged in: ${profile}`,
    summary: [html`<p>${tokens} stored. You do not need to copy anything from this page.</p>`],
    body: html`${alreadyUsed(answeredBefore)}
<dl>${[
      fact('Profile', html`<code>${profile}</code>`),
      ...(stored.subject === null ? [] : [fact('Account', html`${stored.subject}`)]),
      fact('Stored in', html`${stored.storedIn}`),
      fact('Valid until', validity(stored, nowMs)),
      fact('Scope', scopes(stored.scope)),
    ]}</dl>
${command('Use it', `catchd token ${profile}`)}`,
    closing: CLOSE_TAB,
  })
}

/** An unknown expiry is shown as unknown (SECURITY.md#nothing-guessed). */
function validity({ accessTokenExpiresAtMs, hasRefreshToken }: StoredSummary, nowMs: number): Html {
  const afterwards = hasRefreshToken ? 'then renewed automatically' : 'then log in again'
  if (accessTokenExpiresAtMs === null) {
    return html`unknown: the server does not say<small>valid until a server refuses it, ${afterwards}</small>`
  }
  const words = inWords(accessTokenExpiresAtMs)
  if (words === undefined) return html`too far in the future to show<small>${afterwards}</small>`
  const distance = fromNow(accessTokenExpiresAtMs, nowMs)
  return html`<time datetime="${toInstant(accessTokenExpiresAtMs)}">${words}</time><small>${distance}, ${afterwards}</small>`
}

function unsuccessfulPage(login: UnsuccessfulLogin, { answeredBefore, earlierTokens }: ResultView): Page {
  const { profile, failure, status, report } = login
  // A user who cancelled the login knows why it ended.
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
<dl>${[
      ...(profile === null ? [] : [fact('Profile', html`<code>${profile}</code>`)]),
      ...(earlierTokens === undefined
        ? []
        : [fact('Stored', earlierTokens ? html`The earlier tokens are kept.` : html`nothing`)]),
      fact('Failure', html`<code>${failure.code}</code>`),
    ]}</dl>
${command('Run next', advised(failure, likely).next)}`,
    closing: CLOSE_TAB,
  })
}

/** Shows only the most likely cause. The command line and the API show the others and the exchanges. */
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

/** The failure's detail. If the headline says only "failed", the title from the catalogue comes before it. */
function causes({ status, failure: { code, detail } }: UnsuccessfulLogin): Html[] {
  const title = html`<p>${FAILURES[code].title}.</p>`
  if (detail === undefined) return [title]
  const isPlain = status !== 'failed' || code === 'authorization_denied'
  return isPlain ? [html`<p>${detail}</p>`] : [title, html`<p>${detail}</p>`]
}

/** The server's error texts, as plain text without links. `error_uri` is not shown. */
function quote({ error, errorDescription }: CatchdError): Html | null {
  if (error === undefined && errorDescription === undefined) return null
  return html`<section aria-label="The authorization server said"><h2>The authorization server said</h2><blockquote dir="auto">${
    error === undefined ? null : html`<code>${error}</code>`
  }${errorDescription === undefined ? null : html`<p>${errorDescription}</p>`}</blockquote></section>`
}

/** The page of a caught response. Only the tool gets the content, even if it is an error. */
function caughtPage({ caught }: CaughtLogin, answeredBefore: boolean): Page {
  const isError = caught === 'error'
  return page({
    status: 200,
    tone: isError ? 'failed' : 'done',
    headline: isError ? 'Error passed on' : 'Response passed on',
    summary: [
      isError
        ? html`<p>The authorization server answered with an error. catchd passed it on to the tool that waited for the response. See that tool for details.</p>`
        : html`<p>catchd passed the authorization response on to the tool that waited for it. catchd redeemed and stored nothing.</p>`,
    ],
    body: html`${alreadyUsed(answeredBefore)}`,
    closing: CLOSE_TAB,
  })
}

/** A caught response belongs to no profile. */
function ofProfile(headline: string, profile: string | null): string {
  return profile === null ? headline : `${headline}: ${profile}`
}

function alreadyUsed(answeredBefore: boolean): Html | null {
  if (!answeredBefore) return null
  return html`<p class="note">This authorization response was already used. catchd did not redeem it again. This page shows how its login ended.</p>`
}
