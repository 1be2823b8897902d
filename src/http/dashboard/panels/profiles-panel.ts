/** The panel with the profiles: each profile's status, how long its token is valid, and its buttons. */
import { toInstant } from '../../../clock.js'
import { needsNoPerson } from '../../../config/grants.js'
import { CatchdError, FAILURES } from '../../../failures.js'
import type { ProfileStatusName } from '../../api/services.js'
import { type Html, html } from '../../redirect/pages/html.js'
import { inWords } from '../../redirect/pages/instants.js'
import { fact, scopes } from '../../redirect/pages/page.js'
import type { Overview, ProfileOverview } from '../overview.js'
import { barLeft, timeLeft, WHOLE_BAR } from '../time-left.js'
import { badge, button, emptyBox, failureBox, relativeTime, type Tone } from './pieces.js'
import { type Addresses, snippets } from './snippets.js'

export function profilesPanel({ profiles, status, nowMs }: Overview): Html {
  if (profiles instanceof CatchdError) return failureBox(profiles)
  if (profiles.length === 0) {
    return emptyBox(html`<h3>No profile yet</h3>
<p>A profile is one account at one authorization server. Add one here, or let catchd find the settings from the URL of an API:</p>
<pre><code>catchd login https://mcp.example.com/mcp</code></pre>
<p><button type="button" class="primary" data-action="add-profile">Add a profile</button></p>`)
  }
  const addresses = status instanceof CatchdError ? undefined : status.listeners
  const cards = html`<ul class="cards">${profiles.map((profile) => card(profile, addresses, nowMs))}</ul>`
  return profiles.length <= SEEN_AT_A_GLANCE ? cards : html`${FINDER}${cards}`
}

const SEEN_AT_A_GLANCE = 8
const FINDER = html`<div class="find"><label for="find">Find a profile</label><input type="search" id="find" autocomplete="off" spellcheck="false" placeholder="name, status or server">
<p class="box empty" id="find-none" role="status" hidden>No profile has this text in its name, status or server.</p></div>`

const STATUSES: Readonly<Record<ProfileStatusName, { readonly tone: Tone; readonly words: string }>> = {
  logged_in: { tone: 'done', words: 'Logged in' },
  login_required: { tone: 'denied', words: 'Login required' },
  login_pending: { tone: 'waiting', words: 'Waiting for you' },
  expired: { tone: 'failed', words: 'Expired' },
  locked: { tone: 'over', words: 'Locked' },
}

function card(profile: ProfileOverview, addresses: Addresses, nowMs: number): Html {
  const { name, status, subject, canRefresh, obtainedAtMs } = profile
  const { tone, words } = statusOf(profile)
  const needsUser = !isAutomatic(profile)
  return html`<li class="card" data-key="profile-${name}">
<div class="head"><h3>${name}</h3>${badge(tone, words)}</div>
<p class="account">${subject === null ? null : html`<strong>${subject}</strong> at `}${serverOf(profile)}</p>
${profile.failure === null ? life(profile, nowMs) : failureBox(profile.failure)}
<dl>
${obtainedAtMs === null ? null : fact('Scopes', scopes(profile.scope))}
${fact('Next login', nextLogin(profile, nowMs))}
${lastRefresh(profile, nowMs)}
</dl>
<div class="buttons">
${needsUser ? button('login', 'Log in', name, status === 'logged_in' ? {} : { kind: 'primary' }) : null}
${canRefresh ? button('refresh', 'Refresh', name, needsUser ? {} : { kind: 'primary' }) : null}
${obtainedAtMs === null ? null : button('logout', 'Log out', name)}
${button('edit-profile', 'Edit', name)}
</div>
${snippets(profile, addresses)}
</li>`
}

/** A profile whose grant needs no user is never shown as logged in. */
function statusOf(profile: ProfileOverview): { readonly tone: Tone; readonly words: string } {
  if (!isAutomatic(profile) || profile.status === 'locked') return STATUSES[profile.status]
  if (profile.trouble !== undefined) return { tone: 'failed', words: 'Refresh failed' }
  return { tone: 'done', words: 'No login needed' }
}

function isAutomatic({ entry: { grant } }: ProfileOverview): boolean {
  return grant !== undefined && needsNoPerson(grant)
}

/** The server's host; if no URL is configured, the preset's name. */
function serverOf({ entry }: ProfileOverview): string {
  const { base_url, issuer, resource_server, token_endpoint, preset } = entry
  const url = base_url ?? issuer ?? resource_server ?? token_endpoint
  return url !== undefined && URL.canParse(url) ? new URL(url).host : (preset ?? 'an inherited server')
}

function life({ name, expiresAtMs, obtainedAtMs, status }: ProfileOverview, nowMs: number): Html {
  if (status === 'locked') return html`<p class="life">catchd is locked.</p>`
  if (obtainedAtMs === null) return html`<p class="life">No token is stored.</p>`
  const words = expiresAtMs === null ? undefined : inWords(expiresAtMs)
  if (expiresAtMs === null || words === undefined) {
    return html`<p class="life">The server does not say how long the token is valid.</p>`
  }
  const [from, until] = [toInstant(obtainedAtMs), toInstant(expiresAtMs)]
  const value = barLeft(obtainedAtMs, expiresAtMs, nowMs)
  const tone = status === 'expired' ? 'failed' : 'done'
  return html`<div class="life ${tone}"><p><span data-left="${until}">${timeLeft(expiresAtMs, nowMs)}</span> left <small>until <time datetime="${until}">${words}</time></small></p>
<progress max="${WHOLE_BAR}" value="${value}" data-from="${from}" data-until="${until}" aria-label="Time left of the access token of ${name}"></progress></div>`
}

/** An unknown time is shown as unknown (SECURITY.md#nothing-guessed). */
function nextLogin(profile: ProfileOverview, nowMs: number): Html {
  const { loginNeededAtMs } = profile
  if (isAutomatic(profile)) return html`never`
  if (loginNeededAtMs === null) return html`unknown: the server does not say`
  if (loginNeededAtMs <= nowMs) return html`<strong>now</strong>`
  return relativeTime(loginNeededAtMs, nowMs)
}

function lastRefresh({ name, obtainedAtMs, trouble }: ProfileOverview, nowMs: number): Html | null {
  const last = obtainedAtMs === null ? null : relativeTime(obtainedAtMs, nowMs)
  if (trouble === undefined) return last === null ? null : fact('Last refresh', last)
  const { next } = new CatchdError(isFailure(trouble.code) ? trouble.code : 'internal', { profile: name })
  const failure = html`<span class="trouble">failed ${relativeTime(trouble.atMs, nowMs)}: ${titleOf(trouble.code)}</span><small>Run next: <code>${next}</code></small>${
    last === null ? null : html`<small>the current tokens were issued ${last}</small>`
  }`
  return fact('Last refresh', failure)
}

export function titleOf(code: string): string {
  return isFailure(code) ? FAILURES[code].title : code
}

function isFailure(code: string): code is keyof typeof FAILURES {
  return Object.hasOwn(FAILURES, code)
}
