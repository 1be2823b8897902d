/** Logins that wait for a person, each to be finished or given up. */
import { toInstant } from '../../../clock.js'
import type { Login } from '../../../login/login.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { Overview } from '../overview.js'
import { timeLeft } from '../time-left.js'
import { button, emptyBox, relativeTime } from './pieces.js'

export function waitingPanel({ waiting, nowMs }: Overview): Html {
  if (waiting.length === 0) return emptyBox(html`<p>No login is waiting.</p>`)
  return html`<ul class="rows">${waiting.map((login) => item(login, nowMs))}</ul>`
}

/** Where it goes on is not said here: the page asks for it when the person does (dashboard-routes.ts). */
function item(login: Login, nowMs: number): Html {
  const { id, createdAtMs, expiresAtMs } = login
  const profile = login.profile ?? 'a response for a tool'
  const how = 'device' in login ? 'by a code on another machine' : 'in the browser'
  return html`<li data-key="login-${id}"><div><strong>${profile}</strong> <span>${how}</span>
<small>begun ${relativeTime(createdAtMs, nowMs)}, <span data-left="${toInstant(expiresAtMs)}">${timeLeft(expiresAtMs, nowMs)}</span> left</small></div>
<div class="buttons">${button('continue', 'Continue', profile, { login: id })}${button('cancel', 'Cancel', profile, { login: id })}</div></li>`
}
