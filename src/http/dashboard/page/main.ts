/** The page's script: the actions of its buttons, and the start of its automatic updates. */
import { call, forgetKey, keepKey } from './calls.js'
import { close, confirm } from './dialog.js'
import { openKeyForm, prepareKeyForm } from './key-form.js'
import { follow, showNews, showPanels, updatePeriodically } from './live.js'
import { giveUp, goOn, logIn, showLoginEvent } from './logins.js'
import { notify, notifyFailure } from './notices.js'
import { addProfile, editProfile, prepareProfileForm } from './profile-form.js'
import { chooseGroup, prepareProfilesView, showAll, showMore } from './profiles-view.js'
import { startTicking } from './ticking.js'

/** @param subject - Name of the profile or key that the button is about. */
type Action = (subject: string, button: HTMLElement) => Promise<void> | void

const profilePath = (prefix: string, name: string) => `${prefix}/${encodeURIComponent(name)}`

const ACTIONS: Readonly<Record<string, Action>> = {
  login: logIn,
  continue: (_profile, { dataset }) => goOn(dataset['login'] ?? ''),
  async cancel(profile, { dataset }) {
    await giveUp(dataset['login'] ?? '')
    notify(`Login cancelled: ${profile}`)
  },
  async refresh(profile) {
    await call('POST', `${profilePath('/dashboard/profiles', profile)}/refresh`)
    notify(`Refreshed: ${profile}`)
  },
  async logout(profile) {
    const text = `${profile}: catchd revokes its tokens if the server supports that, and deletes them. Tools get no tokens until you log in again.`
    if (!(await confirm(text, 'Log out'))) return
    const { headers } = await call('DELETE', profilePath('/v1/tokens', profile))
    const notRevoked = headers.get('catchd-not-revoked')
    notify(`Logged out: ${profile}`)
    if (notRevoked !== null)
      notify(`${profile}: the tokens are still valid at the server. ${notRevoked}`, 'failed')
  },
  'add-profile': addProfile,
  'edit-profile': editProfile,
  async 'remove-profile'(profile) {
    if (!(await confirm(`${profile}: catchd logs out and removes the profile.`, 'Remove'))) return
    await call('DELETE', profilePath('/v1/profiles', profile))
    close('profile')
    notify(`Removed: ${profile}`)
  },
  'make-key': openKeyForm,
  async 'remove-key'(key) {
    if (!(await confirm(`${key}: tools that use this key get no more tokens, effective at once.`, 'Remove')))
      return
    await call('DELETE', profilePath('/v1/clients', key))
    notify(`Key removed: ${key}`)
  },
  filter: (group) => show(() => chooseGroup(group)),
  'show-all': () => show(showAll),
  more: () => show(showMore),
  async copy(_subject, button) {
    const text = button.parentElement?.querySelector('code')?.textContent ?? ''
    await navigator.clipboard.writeText(text)
    notify('Copied')
  },
  close: (_subject, button) => button.closest('dialog')?.close(),
  async leave() {
    await call('POST', '/dashboard/leave')
    forgetKey()
    location.replace('/')
  },
}

/** Changes what the page shows of the profiles, at once. */
function show(change: () => void): Promise<void> {
  change()
  return showPanels()
}

/** They change nothing that an update would show. */
const QUIET = new Set([
  'copy',
  'close',
  'filter',
  'more',
  'show-all',
  'add-profile',
  'edit-profile',
  'make-key',
])

async function act(button: HTMLElement): Promise<void> {
  const { action = '', subject = '' } = button.dataset
  if (button.getAttribute('aria-busy') === 'true') return
  button.setAttribute('aria-busy', 'true')
  try {
    await ACTIONS[action]?.(subject, button)
    if (!QUIET.has(action)) showNews()
  } catch (error) {
    notifyFailure(error)
  } finally {
    button.removeAttribute('aria-busy')
  }
}

keepKey()
prepareProfileForm()
prepareProfilesView(() => void showPanels())
prepareKeyForm()
document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-action]') : null
  if (button !== null) void act(button)
})
void showPanels()
startTicking(showNews)
updatePeriodically()
void follow((event) => {
  showLoginEvent(event)
  showNews()
})
