/**
 * The markup of the page's dialogs. The page's script fills and opens them, and sends the values. The browser never
 * sends a form: submitting one only closes its dialog, and the content security policy has `form-action 'none'`.
 */
import * as z from 'zod'
import { PROFILE_DEFAULTS, ProfileEntry } from '../../config/profile.js'
import { profileKey } from '../../config/profile-key.js'
import { KeyAction } from '../access/principal.js'
import { type Html, html } from '../redirect/pages/html.js'

/** The settings that most profiles have: the keys with a field. All other settings are edited as JSON below them. */
const FIELDS = Object.entries(ProfileEntry.shape).flatMap(([name, schema]) => {
  const { field: formField, role } = profileKey(ProfileEntry.shape, name) ?? {}
  if (formField === undefined) return []
  const inner: z.ZodType = schema.unwrap()
  const choices = inner instanceof z.ZodEnum ? inner.options.map(String) : undefined
  return [{ name, ...formField, isSource: role === 'source', choices }]
})

type Presets = readonly { readonly name: string; readonly title: string }[]

export function dialogs(presets: Presets): Html {
  return html`${profileDialog(presets)}${keyDialog()}${newKeyDialog()}${loginDialog()}${confirmDialog()}`
}

/** The preset comes before the name, because it suggests one. What to register depends on both. */
function profileDialog(presets: Presets): Html {
  const shown = ({ name, label, help, ...key }: (typeof FIELDS)[number]) =>
    field(`profile-${name}`, label, help, control({ name, ...key }))
  const usual = FIELDS.filter(({ isSeldom }) => !isSeldom)
  return dialog(
    'profile',
    'Add a profile',
    html`${usual.filter(({ name }) => name === 'preset').map(shown)}
${field('profile-name', 'Name', 'What you call the profile on the command line. Empty: the name of the preset.', input('profile-name', html` maxlength="64"`))}
${REGISTRATION}
${usual.filter(({ name }) => name !== 'preset').map(shown)}
<datalist id="presets">${presets.map(({ name, title }) => html`<option value="${name}">${title}</option>`)}</datalist>
<details id="profile-seldom"><summary>More settings</summary><div class="fields">
${FIELDS.filter(({ isSeldom }) => isSeldom).map(shown)}
${field('profile-other', 'Other settings', 'Any other key of the configuration reference, as a JSON object.', html`<textarea ${named('profile-other')} rows="4" spellcheck="false"></textarea>`)}
</div></details>`,
    html`<button type="button" class="danger" data-action="remove-profile" hidden>Remove</button>
<span class="space"></span>
<button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="primary">Save</button>`,
  )
}

/** Filled by the page's script for what is typed (page/registration.ts). */
const REGISTRATION = html`<div class="box registration" role="group" aria-label="What to register at the service" aria-live="polite">
<p id="registration-how"></p>
<div class="snippet" id="registration-copy" hidden><pre><code id="registration-uri"></code></pre><button type="button" class="plain" data-action="copy">Copy<span class="unseen"> the redirect URI</span></button></div>
<p id="registration-objection" class="error" hidden></p>
<p id="registration-where" hidden></p>
<p id="profile-options" hidden>Such a profile also needs: <code id="profile-options-text"></code></p>
<a id="registration-source" target="_blank" rel="noopener noreferrer" hidden>Documentation of the service</a>
</div>`

/** The page's script finds the fields by `data-key`. */
function control({
  name,
  isSource,
  choices,
}: Pick<(typeof FIELDS)[number], 'name' | 'isSource' | 'choices'>): Html {
  const id = `profile-${name}`
  const key = isSource ? null : html` data-key="${name}"`
  if (choices !== undefined) {
    const fallback = new Map<string, unknown>(Object.entries(PROFILE_DEFAULTS)).get(name)
    return html`<select ${named(id)}${key}><option value="">the preset's value, otherwise ${String(fallback)}</option>${choices.map((value) => html`<option>${value}</option>`)}</select>`
  }
  const list = name === 'preset' ? html` list="presets"` : null
  return input(id, html` type="${isSource ? 'password' : 'text'}"${key}${list}`)
}

function input(id: string, attributes: Html | null = null): Html {
  return html`<input ${named(id)} autocomplete="off" autocapitalize="none" spellcheck="false"${attributes}>`
}

/** The attributes of the control of a {@link field}. */
function named(id: string): Html {
  return html`id="${id}" aria-describedby="${id}-error ${id}-hint"`
}

function field(id: string, label: string, hint: string, control: Html): Html {
  return html`<div class="field"><label for="${id}">${label}</label>${control}
<p class="error" id="${id}-error" hidden></p><p class="hint" id="${id}-hint">${hint}</p></div>`
}

function group(id: string, legend: string, body: Html): Html {
  return html`<fieldset class="field" aria-describedby="${id}-error"><legend>${legend}</legend>${body}
<p class="error" id="${id}-error" hidden></p></fieldset>`
}

function keyDialog(): Html {
  const actions = KeyAction.options.filter((action) => action !== 'admin')
  const profiles = html`<input type="search" id="key-find" aria-label="Find a profile" placeholder="Find a profile" autocomplete="off" spellcheck="false" hidden>
<label class="choice" id="key-all-choice"><input type="checkbox" id="key-all"><span>All <span id="key-all-count"></span> profiles that exist now</span></label>
<div class="choices" id="key-profile-list" tabindex="-1"></div>
<p class="hint" id="key-profiles-count" role="status"></p>`
  return dialog(
    'key',
    'Create a key',
    html`${field('key-client', 'Name', 'The tool that will use the key.', input('key-client', html` maxlength="64"`))}
${group('key-profiles', 'Profiles', profiles)}
${group(
  'key-actions',
  'Allowed actions',
  html`${actions.map((action) => html`<label class="choice"><input type="checkbox" name="actions" value="${action}">${ACTIONS[action] ?? action}</label>`)}`,
)}
${field('key-expires', 'Expires after', 'Days. Leave empty for a key that never expires.', input('key-expires', html` inputmode="numeric" value="90"`))}`,
    html`<span class="space"></span><button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="primary">Make the key</button>`,
  )
}

const ACTIONS: Readonly<Record<string, string>> = {
  token: 'Get tokens of these profiles',
  login: 'Log in to them and refresh their tokens (includes getting tokens)',
}

function newKeyDialog(): Html {
  return dialog(
    'new-key',
    'Copy the key now',
    html`<p>The key is shown only once, because catchd stores only its hash. Send it as <code>Authorization: Bearer KEY</code>.</p>
<div class="snippet"><pre tabindex="0" aria-label="The key"><code id="new-key-value"></code></pre><button type="button" class="plain" data-action="copy">Copy<span class="unseen"> the key</span></button></div>`,
    html`<span class="space"></span><button type="submit" class="primary">Done</button>`,
  )
}

function loginDialog(): Html {
  return dialog(
    'login',
    'Log in',
    html`<p id="login-how"></p><p id="login-code" class="code" hidden></p>
<p><a id="login-link" class="primary" target="_blank" rel="noopener noreferrer">Open the login page</a></p>`,
    html`<button type="button" class="plain" data-action="cancel">Cancel the login</button><span class="space"></span><button type="submit" class="plain">Close</button>`,
  )
}

function confirmDialog(): Html {
  return dialog(
    'confirm',
    'Are you sure?',
    html`<p id="confirm-text"></p>`,
    html`<span class="space"></span><button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="danger" id="confirm-yes" value="yes">Yes</button>`,
  )
}

function dialog(name: string, title: string, body: Html, footer: Html): Html {
  return html`<dialog id="${name}-dialog" aria-labelledby="${name}-title"><form method="dialog" novalidate id="${name}-form">
<h2 id="${name}-title" tabindex="-1">${title}</h2>
<div class="box failed" id="${name}-failure" role="alert" tabindex="-1" hidden></div>
${body}
<div class="buttons footer">${footer}</div>
</form></dialog>`
}
