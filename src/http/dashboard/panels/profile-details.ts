/** What an open row of the list shows: everything that is known about a profile, its buttons, and lines to copy. */
import { toInstant } from '../../../clock.js'
import { type Html, html } from '../../redirect/pages/html.js'
import { inWords } from '../../redirect/pages/instants.js'
import { fact, scopes } from '../../redirect/pages/page.js'
import type { ProfileOverview } from '../overview.js'
import { barLeft, timeLeft, WHOLE_BAR } from '../time-left.js'
import { button, copyable, failureBox, relativeTime } from './pieces.js'
import { isAutomatic, serverOf } from './profile-groups.js'
import { type Addresses, snippets } from './snippets.js'

export function profileDetails(profile: ProfileOverview, addresses: Addresses, nowMs: number): Html {
  const { name, status, subject, canRefresh, obtainedAtMs, registeredRedirectUri: redirectUri } = profile
  const needsUser = !isAutomatic(profile)
  return html`${trouble(profile, nowMs)}
<dl>
${fact('Server', html`${serverOf(profile)}`)}
${obtainedAtMs === null ? null : fact('Account', subject === null ? html`the server does not say` : html`<strong dir="auto">${subject}</strong>`)}
${fact('Access token', life(profile, nowMs))}
${obtainedAtMs === null ? null : fact('Scopes', scopes(profile.scope))}
${needsUser ? loginFacts(profile, nowMs) : null}
${obtainedAtMs === null ? null : fact('Last refresh', lastRefresh(profile, nowMs))}
${redirectUri === null ? null : fact('Redirect URI', copyable(redirectUri, `the redirect URI of ${name}`))}
</dl>
<div class="buttons">
${needsUser ? button('login', 'Log in', name, status === 'logged_in' ? {} : { kind: 'primary' }) : null}
${canRefresh ? button('refresh', 'Refresh', name, needsUser ? {} : { kind: 'primary' }) : null}
${obtainedAtMs === null ? null : button('logout', 'Log out', name)}
${button('edit-profile', 'Edit', name)}
</div>
${snippets(profile, addresses)}`
}

/** Why the profile does not work as it should. */
function trouble({ failure, failing, refused }: ProfileOverview, nowMs: number): Html | null {
  if (failure !== null) return failureBox(failure)
  if (refused !== null) return failureBox(refused)
  if (failing === null) return null
  return failureBox(
    failing.failure,
    html`Every refresh fails. The first one failed ${relativeTime(failing.sinceMs, nowMs)}. catchd tries again.`,
  )
}

function life({ name, expiresAtMs, obtainedAtMs, status }: ProfileOverview, nowMs: number): Html {
  if (status === 'locked') return html`catchd is locked`
  if (obtainedAtMs === null) return html`none is stored`
  const words = expiresAtMs === null ? undefined : inWords(expiresAtMs)
  if (expiresAtMs === null || words === undefined) {
    return html`the server does not say how long it is valid`
  }
  const [from, until] = [toInstant(obtainedAtMs), toInstant(expiresAtMs)]
  const value = barLeft(obtainedAtMs, expiresAtMs, nowMs)
  return html`<span data-left="${until}">${timeLeft(expiresAtMs, nowMs)}</span> left, until <time datetime="${until}">${words}</time>
<progress class="${status === 'expired' ? 'failed' : 'done'}" max="${WHOLE_BAR}" value="${value}" data-from="${from}" data-until="${until}" aria-label="Time left of the access token of ${name}"></progress>`
}

/** An unknown time is shown as unknown (SECURITY.md#nothing-guessed). */
function loginFacts({ loggedInAtMs, loginNeededAtMs }: ProfileOverview, nowMs: number): Html {
  const last = loggedInAtMs === null ? null : fact('Last login', relativeTime(loggedInAtMs, nowMs))
  const next =
    loginNeededAtMs === null
      ? html`unknown: the server does not say`
      : loginNeededAtMs <= nowMs
        ? html`<strong>now</strong>`
        : relativeTime(loginNeededAtMs, nowMs)
  return html`${last}${fact('Next login', next)}`
}

/** A login brings tokens too, and is no refresh. Records of earlier versions do not say when the login was. */
function lastRefresh(profile: ProfileOverview, nowMs: number): Html {
  const { obtainedAtMs, loggedInAtMs } = profile
  if (obtainedAtMs === null || loggedInAtMs === null) return html`unknown`
  if (obtainedAtMs > loggedInAtMs) return relativeTime(obtainedAtMs, nowMs)
  if (!isAutomatic(profile)) return html`none since the login`
  return html`none; the tokens came ${relativeTime(obtainedAtMs, nowMs)}`
}
