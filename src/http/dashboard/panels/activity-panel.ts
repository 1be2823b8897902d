/** The panel with recent events. An event contains only names and codes. */
import type { HappenedEvent } from '../../api/services.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { Overview } from '../overview.js'
import { emptyBox, relativeTime, type Tone } from './pieces.js'
import { titleOf } from './profiles-panel.js'

/** The list then is about as long as the list of profiles. */
const MOST_SHOWN = 12

export function activityPanel({ recent, nowMs }: Overview): Html {
  if (recent.length === 0) return emptyBox(html`<p>Nothing has happened since the daemon started.</p>`)
  return html`<ol class="activity">${recent.slice(0, MOST_SHOWN).map((event) => item(event, nowMs))}</ol>`
}

function item(event: HappenedEvent, nowMs: number): Html {
  const { tone, words } = WORDS[event.event] ?? { tone: 'over', words: event.event }
  const about = event.profile ?? event.client
  const cause = event.code === undefined ? null : html`<small>${titleOf(event.code)}</small>`
  return html`<li class="${tone}"><div>${about === undefined ? null : html`<strong>${about}</strong> `}${words}${cause}</div>${relativeTime(event.atMs, nowMs)}</li>`
}

const WORDS: Readonly<Record<string, { readonly tone: Tone; readonly words: string }>> = {
  'login.begun': { tone: 'waiting', words: 'login started' },
  'login.claimed': { tone: 'waiting', words: 'response received, redeeming the code' },
  'login.succeeded': { tone: 'done', words: 'logged in' },
  'login.ended': { tone: 'failed', words: 'login ended without new tokens' },
  'token.refreshed': { tone: 'done', words: 'refreshed' },
  'token.refresh_failed': { tone: 'failed', words: 'refresh failed, catchd will try again' },
  'token.reauthorize': { tone: 'failed', words: 'refresh refused, login required' },
  'token.forgotten': { tone: 'over', words: 'logged out' },
  'token.unsaved': { tone: 'failed', words: 'new tokens are only in memory' },
  'token.saved': { tone: 'done', words: 'new tokens are in the vault' },
  'configuration.changed': { tone: 'over', words: 'Configuration changed' },
  'configuration.refused': {
    tone: 'failed',
    words: 'Configuration invalid; catchd keeps the last valid one',
  },
  'client.added': { tone: 'over', words: 'key added' },
  'client.removed': { tone: 'over', words: 'key removed' },
}
