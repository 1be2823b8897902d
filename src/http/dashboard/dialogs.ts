/**
 * The markup of the page's dialogs. The page's script fills and opens them. The browser never submits a form (the
 * content security policy has `form-action 'none'`); the script sends the values.
 */
import * as z from 'zod'
import { PROFILE_DEFAULTS, ProfileEntry } from '../../config/profile.js'
import { profileKey } from '../../config/profile-key.js'
import { KeyAction } from '../access/principal.js'
import { type Html, html } from '../redirect/pages/html.js'

interface Field {
  readonly name: string
  readonly label: string
  readonly hint: string
  readonly isSource: boolean
  /** Values to choose from. */
  readonly choices: readonly string[] | undefined
}

/** The settings that most profiles have: the keys with a label. All other settings are edited as JSON below them. */
const FIELDS: readonly Field[] = Object.entries(ProfileEntry.shape).flatMap(([name, schema]) => {
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

export interface PresetName {
  readonly name: string
  readonly title: string
}

export function dialogs(presets: readonly PresetName[]): Html {
  return html`${profileDialog(presets)}${keyDialog()}${newKeyDialog()}${loginDialog()}${confirmDialog()}`
}

function profileDialog(presets: readonly PresetName[]): Html {
  return dialog(
    'profile',
    'Add a profile',
    html`${field('name', 'Name', 'The name for the command line', html`<input name="name" id="profile-name" autocomplete="off" spellcheck="false" aria-describedby="profile-name-hint profile-name-error">`)}
${FIELDS.map((key) => field(key.name, key.label, key.hint, control(key)))}
<datalist id="presets">${presets.map(({ name, title }) => html`<option value="${name}">${title}</option>`)}</datalist>
${field('other', 'Other settings', 'Any other key of the configuration reference, as a JSON object', html`<textarea name="other" id="profile-other" rows="4" spellcheck="false" aria-describedby="profile-other-hint profile-other-error"></textarea>`)}`,
    html`<button type="button" class="danger" data-action="remove-profile" hidden>Remove</button>
<span class="space"></span>
<button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="primary">Save</button>`,
  )
}

/** The page's script finds the fields by `data-key`. */
function control({ name, isSource, choices }: Field): Html {
  const described = `profile-${name}-hint profile-${name}-error`
  const key = isSource ? null : html` data-key="${name}"`
  if (choices !== undefined) {
    const fallback = new Map<string, unknown>(Object.entries(PROFILE_DEFAULTS)).get(name)
    return html`<select name="${name}" id="profile-${name}"${key} aria-describedby="${described}"><option value="">as the preset says, else ${String(fallback)}</option>${choices.map((value) => html`<option>${value}</option>`)}</select>`
  }
  const type = isSource ? 'password' : 'text'
  const list = name === 'preset' ? html` list="presets"` : null
  return html`<input type="${type}" name="${name}" id="profile-${name}"${key} autocomplete="off" spellcheck="false"${list} aria-describedby="${described}">`
}

function field(name: string, label: string, hint: string, input: Html, scope = 'profile'): Html {
  const id = `${scope}-${name}`
  return html`<div class="field"><label for="${id}">${label}</label>${input}
<p class="hint" id="${id}-hint">${hint}</p><p class="error" id="${id}-error" hidden></p></div>`
}

function keyDialog(): Html {
  const described = (name: string) => `key-${name}-hint key-${name}-error`
  const actions = KeyAction.options.filter((action) => action !== 'admin')
  return dialog(
    'key',
    'Make a key',
    html`${field('client', 'Name', 'The tool that will use the key', html`<input name="client" id="key-client" autocomplete="off" spellcheck="false" aria-describedby="${described('client')}">`, 'key')}
${field('profiles', 'Profiles', 'Names, separated by spaces', html`<input name="profiles" id="key-profiles" autocomplete="off" spellcheck="false" aria-describedby="${described('profiles')}">`, 'key')}
<fieldset><legend>Allowed actions</legend>${actions.map(
      (action) =>
        html`<label class="choice"><input type="checkbox" name="actions" value="${action}"${action === 'token' ? html` checked` : null}> ${ACTIONS[action] ?? action}</label>`,
    )}<p class="error" id="key-actions-error" hidden></p></fieldset>
${field('expires', 'Expires after', 'Days. Leave empty for a key that never expires', html`<input name="expires" id="key-expires" inputmode="numeric" value="90" aria-describedby="${described('expires')}">`, 'key')}`,
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
    html`<span class="space"></span><button type="button" class="plain" data-action="close">Cancel</button><button type="submit" class="danger">Yes</button>`,
  )
}

function dialog(name: string, title: string, body: Html, footer: Html): Html {
  return html`<dialog id="${name}-dialog" aria-labelledby="${name}-title"><form novalidate id="${name}-form">
<h2 id="${name}-title" tabindex="-1">${title}</h2>
<div class="box failed" id="${name}-failure" role="alert" hidden></div>
${body}
<div class="buttons footer">${footer}</div>
</form></dialog>`
}
