/** The panel with the pending logins. The user can continue or cancel each one. */
import { toInstant } from '../../../clock.js'
import type { WaitingLogin } from '../../../login/login.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { Overview } from '../overview.js'
import { timeLeft } from '../time-left.js'
import { button, emptyBox, relativeTime } from './pieces.js'

export function waitingPanel({ waiting, hints, nowMs }: Overview): Html {
  if (waiting.length === 0) return emptyBox(html`<p>No login is waiting.</p>`)
  return html`<ul class="rows">${waiting.map((login) => item(login, hints.get(login.id), nowMs))}</ul>`
}

/** A line that begins with spaces is a value to copy. */
function hintLine(line: string): Html {
  return line.startsWith('  ') ? html`<code>${line.trim()}</code>` : html`<small>${line}</small>`
}

/** Does not contain the login's URL. The page fetches it when the user clicks Continue (dashboard-routes.ts). */
function item(login: WaitingLogin, hint: string | undefined, nowMs: number): Html {
  const { id, createdAtMs, expiresAtMs } = login
  const profile = login.profile ?? 'a response for a tool'
  const how = login.kind === 'device' ? 'with a code on another machine' : 'in the browser'
  return html`<li data-key="login-${id}"><div><strong>${profile}</strong> <span>${how}</span>
<small>started ${relativeTime(createdAtMs, nowMs)}, <span data-left="${toInstant(expiresAtMs)}">${timeLeft(expiresAtMs, nowMs)}</span> left</small>${
    hint === undefined
      ? null
      : html`
${hint.split('\n').map(hintLine)}`
  }</div>
<div class="buttons">${button('continue', 'Continue', profile, { login: id })}${button('cancel', 'Cancel', profile, { login: id })}</div></li>`
}
