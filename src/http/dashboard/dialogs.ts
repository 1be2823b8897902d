/**
 * The markup of the page's dialogs. The page's script fills and opens them, and sends the values. The browser never
 * sends a form: submitting one only closes its dialog, and the content security policy has `form-action 'none'`.
 */
import * as z from 'zod'
import { PROFILE_DEFAULTS, ProfileEntry } from '../../config/profile.js'
import { profileKey } from '../../config/profile-key.js'
import { KeyAction } from '../access/principal.js'
import { type Html, html } from '../redirect/pages/html.js'

/** The settings that most profiles have: the keys with a label. All other settings are edited as JSON below them. */
const FIELDS = Object.entries(ProfileEntry.shape).flatMap(([name, schema]) => {
  const { label, role } = profileKey(ProfileEntry.shape, name) ?? {}
  if (label === undefined) return []
  const inner: z.ZodType = schema.unwrap()
  const isSource = role === 'source'
  const hint = isSource
    ? 'Stored in the vault and not shown again. Leave empty to keep the current secret'
    : (inner.description ?? '').replaceAll('`', '')
  const choices = inner instanceof z.ZodEnum ? inner.options.map(String) : undefined
  return [{ name, label, hint, isSource, choices }]
})

type Presets = readonly { readonly name: string; readonly title: string }[]

export function dialogs(presets: Presets): Html {
  return html`${profileDialog(presets)}${keyDialog()}${newKeyDialog()}${loginDialog()}${confirmDialog()}`
}

function profileDialog(presets: Presets): Html {
  return dialog(
    'profile',
    'Add a profile',
    html`${field('profile-name', 'Name', 'The name for the command line', input('profile-name'))}
${FIELDS.map((key) => field(`profile-${key.name}`, key.label, key.hint, control(key)))}
<datalist id="presets">${presets.map(({ name, title }) => html`<option value="${name}">${title}</option>`)}</datalist>
${field('profile-other', 'Other settings', 'Any other key of the configuration reference, as a JSON object', html`<textarea ${named('profile-other')} rows="4" spellcheck="false"></textarea>`)}`,
    html`<button type="button" class="danger" data-action="remove-profile" hidden>Remove</button>
<span class="space"></span>
<button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="primary">Save</button>`,
  )
}

/** The page's script finds the fields by `data-key`. */
function control({ name, isSource, choices }: (typeof FIELDS)[number]): Html {
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
  return html`<input ${named(id)} autocomplete="off" spellcheck="false"${attributes}>`
}

/** The attributes of the control of a {@link field}. */
function named(id: string): Html {
  return html`id="${id}" aria-describedby="${id}-hint ${id}-error"`
}

function field(id: string, label: string, hint: string, control: Html): Html {
  return html`<div class="field"><label for="${id}">${label}</label>${control}
<p class="hint" id="${id}-hint">${hint}</p><p class="error" id="${id}-error" hidden></p></div>`
}

function keyDialog(): Html {
  const actions = KeyAction.options.filter((action) => action !== 'admin')
  return dialog(
    'key',
    'Make a key',
    html`${field('key-client', 'Name', 'The tool that will use the key', input('key-client'))}
${field('key-profiles', 'Profiles', 'Names, separated by spaces', input('key-profiles'))}
<fieldset><legend>Allowed actions</legend>${actions.map(
      (action) =>
        html`<label class="choice"><input type="checkbox" name="actions" value="${action}"${action === 'token' ? html` checked` : null}> ${ACTIONS[action] ?? action}</label>`,
    )}<p class="error" id="key-actions-error" hidden></p></fieldset>
${field('key-expires', 'Expires after', 'Days. Leave empty for a key that never expires', input('key-expires', html` inputmode="numeric" value="90"`))}`,
    html`<span class="space"></span><button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="primary">Make the key</button>`,
  )
}

const ACTIONS: Readonly<Record<string, string>> = {
  token: 'Get tokens of these profiles',
  login: 'Also refresh them and log in',
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
<div class="box failed" id="${name}-failure" role="alert" hidden></div>
${body}
<div class="buttons footer">${footer}</div>
</form></dialog>`
}
