/**
 * The dashboard's page, and its panels alone. The page fetches the panels again after each event.
 *
 * The markup contains no token, code, verifier or hash, and no URL of a pending login. After the page key was first
 * used, the page is served with empty panels, and its script fetches them with the key. Browsers send the cookie to
 * every server on this host, so the cookie alone shows nothing.
 */
import { randomBytes } from 'node:crypto'
import type { Secret } from '../../secret.js'
import type { RouteParts } from '../api/scope.js'
import { type Html, html } from '../redirect/pages/html.js'
import { type Page, policyWith } from '../redirect/pages/page.js'
import { assets } from './assets.js'
import { dialogs } from './dialogs.js'
import { type Overview, readOverview } from './overview.js'
import { activityPanel } from './panels/activity-panel.js'
import { alerts, healthPanel } from './panels/health-panel.js'
import { keysPanel } from './panels/keys-panel.js'
import { emptyBox } from './panels/pieces.js'
import { FIRST_VIEW, type ProfilesView } from './panels/profile-groups.js'
import { profilesPanel } from './panels/profiles-panel.js'
import { waitingPanel } from './panels/waiting-panel.js'

/** @param key - The key that the page sends with its calls; `null` after its first use. */
export async function dashboardPage(parts: RouteParts, key: Secret | null): Promise<Page> {
  const { script, style } = await assets()
  const overview = key === null ? null : await readOverview(parts)
  const nonce = randomBytes(18).toString('base64')
  // Allows only the script and the style sheet that have the nonce of this answer.
  const contentSecurityPolicy = policyWith(
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
  )
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Dashboard · catchd</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${key === null ? null : html`<meta name="catchd-page-key" content="${key.reveal()}">`}
<link rel="stylesheet" href="${style.path}" nonce="${nonce}">
<script src="${script.path}" nonce="${nonce}" defer></script>
</head>
<body>
<a class="skip" href="#profiles-title">Skip to the profiles</a>
<header class="top"><h1>catchd</h1><p id="live" class="live" role="status">Connecting</p><button type="button" class="plain" data-action="leave">End session</button></header>
<noscript><div class="box failed"><p>Scripts are switched off in your browser. This page shows the state at the time it was opened, and its buttons do not work.</p></div></noscript>
<div id="notices" class="notices" popover="manual" role="status"></div>
<main>
${panelsOf(overview)}
</main>
${dialogs(parts.services.presets())}
</body>
</html>
`
  return { status: 200, body: document.toString(), contentSecurityPolicy }
}

export async function panels(parts: RouteParts, view: ProfilesView): Promise<string> {
  return panelsOf(await readOverview(parts), view).toString()
}

/** What is empty is left out: before the first profile, the page shows what to do first. */
function panelsOf(overview: Overview | null, view: ProfilesView = FIRST_VIEW): Html {
  const hasProfiles = !Array.isArray(overview?.profiles) || overview.profiles.length > 0
  const add = html`<button type="button" class="plain" data-action="add-profile">Add a profile</button>`
  const make = html`<button type="button" class="plain" data-action="make-key">Create a key</button>`
  const shown = (panel: (overview: Overview) => Html | null) =>
    overview === null ? emptyBox(html`<p>Loading …</p>`) : panel(overview)
  return html`<div class="alerts" data-panel="alerts">${overview === null ? null : alerts(overview)}</div>
${section('waiting', 'Waiting logins', overview === null ? null : waitingPanel(overview))}
<div class="columns"><div class="wide">
${section(
  'profiles',
  'Profiles',
  shown((read) => profilesPanel(read, view)),
  hasProfiles ? add : null,
)}
</div><div class="narrow">
${section('activity', 'Activity', hasProfiles || overview?.recent.length ? shown(activityPanel) : null)}
${section('keys', 'API keys', hasProfiles || overview?.keys.length ? shown(keysPanel) : null, make)}
${section('health', 'Health', shown(healthPanel))}
</div></div>`
}

/** @param body - `null`: the section is hidden. */
function section(name: string, title: string, body: Html | null, action: Html | null = null): Html {
  return html`<section data-panel="${name}" aria-labelledby="${name}-title"${body === null ? html` hidden` : null}><div class="title"><h2 id="${name}-title" tabindex="-1">${title}</h2>${action}</div>
${body}</section>`
}
