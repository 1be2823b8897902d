/** What happened lately, in words. Names and codes only: an event holds nothing else. */

import type { HappenedEvent } from '../../api/services.js'
import { type Html, html } from '../../redirect/pages/html.js'
import type { Overview } from '../overview.js'
import { emptyBox, relativeTime, type Tone } from './pieces.js'
import { titleOf } from './profiles-panel.js'

/** As many as fit beside the profiles. */
const MOST_SHOWN = 12

export function activityPanel({ recent, nowMs }: Overview): Html {
  if (recent.length === 0) return emptyBox(html`<p>Nothing has happened since the daemon started.</p>`)
  return html`<ol class="activity">${recent.slice(0, MOST_SHOWN).map((event) => item(event, nowMs))}</ol>`
}

function item(event: HappenedEvent, nowMs: number): Html {
  const { tone, words } = wordsOf(event)
  const about = event.profile ?? event.client
  const cause = event.code === undefined ? null : html`<small>${titleOf(event.code)}</small>`
  return html`<li class="${tone}"><div>${about === undefined ? null : html`<strong>${about}</strong> `}${words}${cause}</div>${relativeTime(event.atMs, nowMs)}</li>`
}

const WORDS: Readonly<Record<string, { readonly tone: Tone; readonly words: string }>> = {
  'login.begun': { tone: 'waiting', words: 'login begun' },
  'login.claimed': { tone: 'waiting', words: 'response received, code being redeemed' },
  'login.succeeded': { tone: 'done', words: 'logged in' },
  'login.ended': { tone: 'failed', words: 'login ended without tokens' },
  'token.refreshed': { tone: 'done', words: 'refreshed' },
  'token.refresh_failed': { tone: 'failed', words: 'refresh failed, will be tried again' },
  'token.reauthorize': { tone: 'failed', words: 'refresh refused: a login is needed' },
  'token.forgotten': { tone: 'over', words: 'logged out' },
  'token.unsaved': { tone: 'failed', words: 'new tokens are in memory only' },
  'token.saved': { tone: 'done', words: 'new tokens are in the vault' },
  'configuration.changed': { tone: 'over', words: 'Configuration changed' },
  'configuration.refused': { tone: 'failed', words: 'Configuration refused; the last good one stays' },
  'client.added': { tone: 'over', words: 'key added' },
  'client.removed': { tone: 'over', words: 'key removed' },
}

function wordsOf({ event }: HappenedEvent): { readonly tone: Tone; readonly words: string } {
  return WORDS[event] ?? { tone: 'over', words: event }
}
