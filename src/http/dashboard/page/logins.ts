/** Starts, continues and cancels logins, and shows how they ended. */
import { call } from './calls.js'
import { close, open } from './dialog.js'
import { byId } from './elements.js'
import type { HappenedEvent } from './live.js'
import { notify } from './notices.js'

interface BegunLogin {
  readonly login_id: string
  readonly profile: string
  readonly authorization_url?: string
  readonly user_code?: string
  readonly verification_uri?: string
  readonly verification_uri_complete?: string
}

/** The login that the open dialog is about. */
let shown = ''

export async function logIn(profile: string): Promise<void> {
  show(await begun(call('POST', '/v1/logins', { profile, open: false })))
}

export async function goOn(id: string): Promise<void> {
  show(await begun(call('GET', `/dashboard/logins/${encodeURIComponent(id)}`)))
}

export async function giveUp(id: string): Promise<void> {
  await call('DELETE', `/v1/logins/${encodeURIComponent(id)}`)
}

async function begun(answer: Promise<Response>): Promise<BegunLogin> {
  return (await (await answer).json()) as BegunLogin
}

/** The browser may block the new tab, so the dialog also has a link. */
function show(login: BegunLogin): void {
  const { login_id, profile, user_code, authorization_url } = login
  const url = login.verification_uri_complete ?? login.verification_uri ?? authorization_url ?? ''
  if (!/^https?:/.test(url)) {
    notify(`${profile}: this login is no longer pending.`, 'failed')
    return
  }
  shown = login_id
  byId('login-title').textContent = `Log in to ${profile}`
  byId('login-how').textContent =
    user_code === undefined
      ? 'Finish the login in the new tab. If no tab has opened, use this link. This dialog closes automatically.'
      : 'Enter this code at the authorization server, on any machine:'
  byId('login-code').textContent = user_code ?? ''
  byId('login-code').hidden = user_code === undefined
  byId<HTMLAnchorElement>('login-link').href = url
  const cancel = byId('login-form').querySelector<HTMLElement>('[data-action=cancel]')
  if (cancel !== null) Object.assign(cancel.dataset, { login: login_id, subject: profile })
  open('login')
  if (user_code === undefined) window.open(url, '_blank', 'noopener,noreferrer')
}

/** Shows the end of a login, also if it was started elsewhere. */
export function showLoginEvent({ event, profile = '', login_id: id }: HappenedEvent): void {
  if (event !== 'login.succeeded' && event !== 'login.ended') return
  if (id === shown) close('login')
  if (event === 'login.succeeded') notify(`Logged in: ${profile}`)
}
