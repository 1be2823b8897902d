/** The panel with the pending logins. The user can continue or cancel each one. */
import { toInstant } from '../../../clock.js'
import type { WaitingLogin } from '../../../login/login.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { Overview } from '../overview.js'
import { timeLeft } from '../time-left.js'
import { andMore, button, copyable, relativeTime } from './pieces.js'

const MOST_SHOWN = 10

/** @returns `null` if no login is waiting: the page then has no such panel. */
export function waitingPanel({ waiting, hints, nowMs }: Overview): Html | null {
  if (waiting.length === 0) return null
  const shown = waiting.slice(0, MOST_SHOWN)
  return html`<ul class="list rows">${shown.map((login) => item(login, hints.get(login.id), nowMs))}</ul>
${andMore(waiting.length - shown.length, 'catchd status')}`
}

/** The likeliest cause with its value to copy, and the others folded: the page shows profiles first. */
function hintLines(hint: string, profile: string): Html {
  const lines = hint.split('\n')
  const value = lines.findIndex(isValue)
  const [first, others] = [lines.slice(0, Math.max(value, 0) + 1), lines.slice(Math.max(value, 0) + 1)]
  const shown = (some: readonly string[]) => html`${some.map((line) => hintLine(line, profile))}`
  if (others.length === 0) return shown(first)
  return html`${shown(first)}<details><summary>What else it may be<span class="unseen">, ${profile}</span></summary>${shown(others)}</details>`
}

/** A line that begins with spaces is a value to copy. */
function isValue(line: string): boolean {
  return line.startsWith('  ')
}

function hintLine(line: string, profile: string): Html {
  const value = line.trim()
  return isValue(line)
    ? html`<small>${copyable(value, `${value}, ${profile}`)}</small>`
    : html`<small class="note">${line}</small>`
}

/** Does not contain the login's URL. The page fetches it when the user clicks Continue (dashboard-routes.ts). */
function item(login: WaitingLogin, hint: string | undefined, nowMs: number): Html {
  const { id, createdAtMs, expiresAtMs } = login
  const profile = login.profile ?? 'a response for a tool'
  const how = login.kind === 'device' ? 'with a code on another machine' : 'in the browser'
  return html`<li data-key="login-${id}"><div><strong>${profile}</strong> <span>${how}</span>
<small>started ${relativeTime(createdAtMs, nowMs)}, <span data-left="${toInstant(expiresAtMs)}">${timeLeft(expiresAtMs, nowMs)}</span> left</small>${
    hint === undefined ? null : hintLines(hint, profile)
  }</div>
<div class="buttons">${button('continue', 'Continue', profile, { login: id })}${button('cancel', 'Cancel', profile, { login: id })}</div></li>`
}
