/** The panel with the profiles: a line for each, which opens. Those that need a person come first. */
import { CatchdError } from '../../../failures.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { Overview, ProfileOverview } from '../overview.js'
import { badge, button, emptyBox, failureBox, relativeTime } from './pieces.js'
import { profileDetails } from './profile-details.js'
import {
  FIRST_VIEW,
  type FoundProfiles,
  findProfiles,
  GROUPS,
  type Group,
  isAutomatic,
  MOST_ROWS,
  type ProfilesView,
  ROWS_AT_ONCE,
  serverOf,
  statusOf,
} from './profile-groups.js'
import type { Addresses } from './snippets.js'

/** A longer list has a search field. */
const SEEN_AT_A_GLANCE = 8
/** A login that is needed within this time is shown on the row. */
const SOON_MS = 3 * 24 * 3_600_000

export function profilesPanel(overview: Overview, view: ProfilesView = FIRST_VIEW): Html {
  const { profiles, status, nowMs } = overview
  if (profiles instanceof CatchdError) return failureBox(profiles)
  if (profiles.length === 0) return FIRST_STEPS
  const addresses = status instanceof CatchdError ? undefined : status.listeners
  const found = findProfiles(profiles, view)
  const isOpen = ({ name }: ProfileOverview) => view.open?.has(name) ?? profiles.length === 1
  const rows = found.shown.map((profile) =>
    row(profile, isOpen(profile), view.open === undefined, addresses, nowMs),
  )
  return html`${profiles.length > SEEN_AT_A_GLANCE ? tools(found, view) : null}
${rows.length === 0 ? NOTHING_FOUND : html`<ul class="list profiles">${rows}</ul>`}
${more(found)}`
}

const FIRST_STEPS = html`<div class="box first"><h3>Connect your first service</h3>
<p>A profile is one account at one service: its address, your client ID, and the tokens that catchd keeps for you.</p>
<p><button type="button" class="primary" data-action="add-profile">Add a profile</button></p>
<p>Or in a terminal, where catchd asks for everything:</p>
<div class="snippet"><pre><code>catchd init</code></pre><button type="button" class="plain" data-action="copy">Copy<span class="unseen"> catchd init</span></button></div>
<p>For an MCP server, its URL is enough:</p>
<div class="snippet"><pre><code>catchd login https://mcp.example.com/mcp</code></pre><button type="button" class="plain" data-action="copy">Copy<span class="unseen"> the command for an MCP server</span></button></div></div>`

const NOTHING_FOUND = emptyBox(
  html`<p role="status">No profile matches. <button type="button" class="link" data-action="show-all">Show all profiles</button></p>`,
)

/** The search field keeps its text, because the server does not send one. */
function tools({ counts, found }: FoundProfiles, { group }: ProfilesView): Html {
  const present = Object.entries(GROUPS).filter(([name]) => counts.has(name as Group) || name === group) as [
    Group,
    string,
  ][]
  const filter = (name: Group | 'all', words: string, count: number) =>
    html`<button type="button" class="chip" data-key="filter-${name}" data-action="filter" data-subject="${name}" aria-pressed="${String(name === group)}">${words} <span class="count">${count}</span></button>`
  return html`<div class="tools"><input type="search" id="find" aria-label="Find a profile" placeholder="Find by name, account or server" autocomplete="off" spellcheck="false">
<div class="filters" role="group" aria-label="Show profiles by state">${filter('all', 'All', found)}${present.map(([name, words]) => filter(name, words, counts.get(name) ?? 0))}</div></div>`
}

function more({ chosen, shown }: FoundProfiles): Html | null {
  const hidden = chosen - shown.length
  if (hidden === 0) return null
  const count = `${shown.length} of ${chosen} profiles are shown.`
  if (shown.length >= MOST_ROWS) return html`<p class="more">${count} Use the search to find the others.</p>`
  return html`<p class="more">${count} <button type="button" class="plain" data-action="more">Show ${Math.min(hidden, ROWS_AT_ONCE)} more</button></p>`
}

/** @param isFirst - The page has not opened or closed a row yet. Later, the page alone decides. */
function row(
  profile: ProfileOverview,
  isOpen: boolean,
  isFirst: boolean,
  addresses: Addresses,
  nowMs: number,
): Html {
  const { name, subject } = profile
  const { tone, words } = statusOf(profile)
  const account = html`${subject === null ? null : html`<strong dir="auto">${subject}</strong> at `}${serverOf(profile)}`
  return html`<li data-key="profile-${name}">
<details data-profile="${name}"${isOpen && isFirst ? html` open` : null}><summary><h3>${name}</h3> <span class="account">${account}</span> ${badge(tone, words)} <span class="when">${when(profile, nowMs)}</span></summary>
<div class="body">${isOpen ? profileDetails(profile, addresses, nowMs) : html`<p>Loading …</p>`}</div></details>
<div class="quick">${quickAction(profile)}</div></li>`
}

/** The one instant that matters most. */
function when(profile: ProfileOverview, nowMs: number): Html | null {
  const { status, obtainedAtMs, expiresAtMs, loginNeededAtMs } = profile
  if (obtainedAtMs === null) return null
  if (status === 'expired') {
    return expiresAtMs === null ? null : html`expired ${relativeTime(expiresAtMs, nowMs)}`
  }
  const isSoon = loginNeededAtMs !== null && loginNeededAtMs > nowMs && loginNeededAtMs < nowMs + SOON_MS
  if (isSoon && !isAutomatic(profile)) return html`login needed ${relativeTime(loginNeededAtMs, nowMs)}`
  if (expiresAtMs === null) return html`expiry unknown`
  return html`expires ${relativeTime(expiresAtMs, nowMs)}`
}

/** On a closed row: what the profile needs from a person now. */
function quickAction(profile: ProfileOverview): Html | null {
  const { name, status, canRefresh } = profile
  const { group } = statusOf(profile)
  if (status === 'locked') return null
  if (group === 'login') return button('login', 'Log in', name)
  return group === 'failing' && canRefresh ? button('refresh', 'Refresh', name) : null
}
