/** The panel with the API keys: what each allows, and when it was last used. It shows no key and no hash. */
import { type Html, html } from '../../redirect/pages/html.js'
import type { KeyOverview, Overview } from '../overview.js'
import { andMore, badge, button, emptyBox, firstNames, relativeTime } from './pieces.js'

const MOST_SHOWN = 20
/** The others are folded, so that a phone shows what comes below. */
const MOST_UNFOLDED = 5
/** Names of profiles in one line. */
const MOST_NAMES = 6

export function keysPanel({ keys, nowMs }: Overview): Html {
  if (keys.length === 0) {
    return emptyBox(
      html`<p>No keys. Tools on this machine that use the socket need none. A tool that can only use TCP needs one.</p>`,
    )
  }
  const shown = keys.slice(0, MOST_SHOWN)
  const list = (some: typeof shown) => html`<ul class="list rows">${some.map((key) => item(key, nowMs))}</ul>`
  const folded = shown.slice(MOST_UNFOLDED)
  return html`${list(shown.slice(0, MOST_UNFOLDED))}
${folded.length === 0 ? null : html`<details class="more"><summary>${folded.length} more</summary>${list(folded)}</details>`}
${andMore(keys.length - shown.length, 'catchd client list')}`
}

function item({ key, lastUsedAtMs }: KeyOverview, nowMs: number): Html {
  const { name, profiles, actions, expiresAtMs } = key
  const used =
    lastUsedAtMs === null ? html`not used yet` : html`last used ${relativeTime(lastUsedAtMs, nowMs)}`
  return html`<li data-key="key-${name}"><div><strong>${name}</strong> ${actions.map((action) => html`<code class="chip">${action}</code> `)}
<small>${actions.includes('admin') ? 'every profile' : firstNames(profiles, MOST_NAMES)}</small>
<small>${used}, ${expiry(expiresAtMs, nowMs)}</small></div>
<div class="buttons">${button('remove-key', 'Remove', name)}</div></li>`
}

function expiry(expiresAtMs: number | null, nowMs: number): Html {
  if (expiresAtMs === null) return html`never expires`
  if (expiresAtMs <= nowMs) return badge('over', 'Expired')
  return html`expires ${relativeTime(expiresAtMs, nowMs)}`
}
