/** API keys of local tools: what each may do, and when it was last used. No key, and no hash of one. */
import { type Html, html } from '../../redirect/pages/html.js'
import type { KeyOverview, Overview } from '../overview.js'
import { badge, button, emptyBox, relativeTime } from './pieces.js'

export function keysPanel({ keys, nowMs }: Overview): Html {
  if (keys.length === 0) {
    return emptyBox(
      html`<p>No keys. Tools on this machine need none over the socket; a tool that speaks only TCP does.</p>`,
    )
  }
  return html`<ul class="rows">${keys.map((key) => item(key, nowMs))}</ul>`
}

function item({ client, lastUsedAtMs }: KeyOverview, nowMs: number): Html {
  const { name, profiles, actions, expiresAtMs } = client
  const used =
    lastUsedAtMs === null ? html`not used yet` : html`last used ${relativeTime(lastUsedAtMs, nowMs)}`
  return html`<li data-key="key-${name}"><div><strong>${name}</strong> ${actions.map((action) => html`<code class="chip">${action}</code> `)}
<small>${actions.includes('admin') ? 'every profile' : profiles.join(', ')}</small>
<small>${used}, ${expiry(expiresAtMs, nowMs)}</small></div>
<div class="buttons">${button('remove-key', 'Remove', name)}</div></li>`
}

function expiry(expiresAtMs: number | null, nowMs: number): Html {
  if (expiresAtMs === null) return html`never expires`
  if (expiresAtMs <= nowMs) return badge('over', 'Expired')
  return html`expires ${relativeTime(expiresAtMs, nowMs)}`
}
