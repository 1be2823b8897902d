/** The panel with the API keys: what each allows, and when it was last used. It shows no key and no hash. */
import { type Html, html } from '../../redirect/pages/html.js'
import type { KeyOverview, Overview } from '../overview.js'
import { badge, button, emptyBox, relativeTime } from './pieces.js'

export function keysPanel({ keys, nowMs }: Overview): Html {
  if (keys.length === 0) {
    return emptyBox(
      html`<p>No keys. Tools on this machine that use the socket need none. A tool that can only use TCP needs one.</p>`,
    )
  }
  return html`<ul class="rows">${keys.map((key) => item(key, nowMs))}</ul>`
}

function item({ key, lastUsedAtMs }: KeyOverview, nowMs: number): Html {
  const { name, profiles, actions, expiresAtMs } = key
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
