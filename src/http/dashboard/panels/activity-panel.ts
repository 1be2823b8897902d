/** The panel with recent events: what changed, for whom, and until when. An event contains only names, codes and instants. */
import { FAILURES } from '../../../failures.js'
import type { HappenedEvent } from '../../api/services.js'
import { type Html, html } from '../../redirect/pages/html.js'
import { inWords } from '../../redirect/pages/instants.js'
import type { Overview } from '../overview.js'
import { emptyBox, firstNames, relativeTime, type Tone } from './pieces.js'

const MOST_SHOWN = 10
/** Names in one line. */
const MOST_NAMES = 3

export function activityPanel({ recent, nowMs }: Overview): Html {
  if (recent.length === 0) return emptyBox(html`<p>Nothing has happened since the daemon started.</p>`)
  const shown = recent.filter(isLatestOfLogin).slice(0, MOST_SHOWN)
  return html`<ol class="list activity">${shown.map((event) => item(event, nowMs))}</ol>`
}

/** Of a login, only how far it has come. */
function isLatestOfLogin({ login_id: id }: HappenedEvent, index: number, events: readonly HappenedEvent[]) {
  return id === undefined || events.findIndex(({ login_id: other }) => other === id) === index
}

function item(event: HappenedEvent, nowMs: number): Html {
  const { tone, words } = EVENTS[event.event] ?? { tone: 'over', words: () => html`${event.event}` }
  const about =
    event.profile === undefined
      ? event.client === undefined
        ? null
        : html`key <strong>${event.client}</strong> `
      : html`<strong>${event.profile}</strong>: `
  const cause = event.code === undefined ? null : html`<small>${titleOf(event.code)}</small>`
  return html`<li class="${tone}"><div>${about}${words(event)}${cause}</div>${relativeTime(event.atMs, nowMs)}</li>`
}

interface EventWords {
  readonly tone: Tone
  readonly words: (event: HappenedEvent) => Html
}

const says = (tone: Tone, text: string): EventWords => ({ tone, words: () => html`${text}` })

const EVENTS: Readonly<Record<string, EventWords>> = {
  'login.begun': says('waiting', 'login started'),
  'login.claimed': says('waiting', 'response received, redeeming the code'),
  'login.caught': says('done', 'response received for a tool'),
  'login.succeeded': { tone: 'done', words: (event) => html`logged in${validUntil(event)}` },
  'login.ended': says('failed', 'login ended without new tokens'),
  'token.refreshed': { tone: 'done', words: (event) => html`refreshed${validUntil(event)}` },
  'token.refresh_failed': says('failed', 'refresh failed, catchd will try again'),
  'token.reauthorize': says('failed', 'refresh refused, login required'),
  'token.forgotten': says('over', 'logged out'),
  'token.unsaved': says('failed', 'new tokens are only in memory'),
  'token.saved': says('done', 'new tokens are in the vault'),
  'configuration.changed': { tone: 'over', words: configurationChange },
  'configuration.refused': says('failed', 'Configuration invalid; catchd keeps the last valid one'),
  'client.added': { tone: 'over', words: newKey },
  'client.removed': says('over', 'removed'),
  'daemon.locked': says('over', 'catchd was locked'),
  'daemon.unlocked': says('done', 'catchd was unlocked'),
  'notice.told': says('over', 'you were told that a login is needed'),
  'notice.failed': says('failed', 'catchd could not tell you that a login is needed'),
  'notice.look_failed': says('failed', 'catchd could not find out when a login is needed'),
}

/** The page's script shows the time of this machine. */
function validUntil({ expires_at: expiresAt }: HappenedEvent): Html | null {
  if (expiresAt === undefined) return null
  if (expiresAt === null) return html`; the server does not say until when`
  const words = inWords(Date.parse(expiresAt)) ?? expiresAt
  return html`, valid until <time datetime="${expiresAt}" title="${words}" data-clock>${words}</time>`
}

function configurationChange({ added = [], changed = [], removed = [] }: HappenedEvent): Html {
  const parts = (
    [
      [added, 'added'],
      [changed, 'changed'],
      [removed, 'removed'],
    ] as const
  ).filter(([names]) => names.length > 0)
  if (parts.length === 0) return html`Configuration changed`
  return html`${parts.map(([names, what], index) => html`${index === 0 ? null : '; '}${names.length === 1 ? 'profile' : 'profiles'} ${someOf(names)} ${what}`)}`
}

function newKey({ actions = [], profiles = [] }: HappenedEvent): Html {
  if (actions.includes('admin')) return html`created: all actions for all profiles`
  return html`created: ${actions.join(', ')} for ${someOf(profiles)}`
}

function someOf(names: readonly string[]): Html {
  return html`<strong>${firstNames(names, MOST_NAMES)}</strong>`
}

function titleOf(code: string): string {
  return Object.hasOwn(FAILURES, code) ? FAILURES[code as keyof typeof FAILURES].title : code
}
