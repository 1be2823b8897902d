/**
 * The form to add and edit profiles. It has fields for the most common settings, and all others as JSON. The daemon
 * checks the values. Fields that have no effect with the preset are hidden.
 */

import type { RegistrationAnswer } from '../registration-answer.js'
import { call } from './calls.js'
import { FieldMistakes, onSubmit, open } from './dialog.js'
import { byId } from './elements.js'
import { notify } from './notices.js'
import { showRegistration } from './registration.js'

type Entry = Record<string, unknown>

const SECRET = 'client_secret'

/** The configured secret, which is kept if the field is empty; `undefined`: there is none. */
let keptSecret: unknown

export function prepareProfileForm(): void {
  onSubmit({
    name: 'profile',
    send: save,
    aliases: { profile: 'name' },
    others: 'other',
  })
  byId('profile-form').addEventListener('input', () => advise(true))
  input('preset').addEventListener('change', takePreset)
  byId('profile-dialog').addEventListener('close', () => {
    input(SECRET).value = ''
  })
}

export function addProfile(): void {
  fill('', {})
  byId('profile-title').textContent = 'Add a profile'
  open('profile')
  input('preset').focus()
}

export async function editProfile(name: string): Promise<void> {
  const answer = await call('GET', `/v1/profiles/${encodeURIComponent(name)}`)
  const { configuration } = (await answer.json()) as { configuration: Entry }
  fill(name, configuration)
  byId('profile-title').textContent = `Edit ${name}`
  open('profile')
  byId('profile-title').focus()
}

function fill(name: string, entry: Entry): void {
  const nameField = input('name')
  nameField.value = name
  nameField.placeholder = ''
  nameField.readOnly = name !== ''
  byId('profile-name-hint').hidden = name !== ''
  const { [SECRET]: secret, ...rest } = entry
  keptSecret = secret
  input(SECRET).value = ''
  for (const [key, field] of fields()) {
    const value = rest[key]
    field.value = typeof value === 'string' ? value : ''
    if (typeof value === 'string') delete rest[key]
  }
  input('other').value = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest, null, 2)
  const seldom = byId<HTMLDetailsElement>('profile-seldom')
  const controls = seldom.querySelectorAll<HTMLInputElement>('input, select, textarea')
  seldom.open = [...controls].some(({ value }) => value !== '')
  const remove = byId('profile-form').querySelector<HTMLElement>('[data-action=remove-profile]')
  if (remove !== null) {
    remove.hidden = name === ''
    remove.dataset['subject'] = name
  }
  showNeeded(null)
  advise(false)
}

/** A title that was chosen or typed becomes the preset's name, which is also the profile's unless another is typed. */
function takePreset(): void {
  const field = input('preset')
  const typed = field.value.trim().toLowerCase()
  const options = [...byId<HTMLDataListElement>('presets').options]
  const preset = options.find(({ value, label }) => [value, label.toLowerCase()].includes(typed))?.value
  if (preset === undefined) return
  field.value = preset
  input('name').placeholder = preset
  advise(false)
}

function advise(isTyping: boolean): void {
  const values = Object.fromEntries(fields().map(([key, field]) => [key, field.value.trim()]))
  const { preset = '', redirect_uri = '' } = values
  const parent = parsedOther()?.['extends']
  const asked = { preset, redirect_uri, extends: typeof parent === 'string' ? parent : '' }
  showRegistration({ profile: chosenName(), ...asked }, showNeeded, isTyping)
}

/** A field with a value stays, so that nothing is sent that is not seen. */
function showNeeded(preset: RegistrationAnswer['preset']): void {
  const uses: readonly [key: string, use: string][] = [
    ['base_url', preset?.base_url ?? 'unused'],
    ['issuer', preset === null ? 'optional' : 'unused'],
    [SECRET, { confidential: 'needed', either: 'optional', public: 'unused' }[preset?.client ?? 'either']],
  ]
  for (const [key, use] of uses) {
    const field = input(key)
    const place = field.closest<HTMLElement>('.field')
    if (place !== null)
      place.hidden = use === 'unused' && field.value === '' && document.activeElement !== field
    const isKept = key === SECRET && keptSecret !== undefined
    field.required = use === 'needed' && !isKept
    field.placeholder = isKept ? 'Unchanged' : use === 'optional' && key !== 'issuer' ? 'Optional' : ''
  }
  const { scope = null, options = null } = preset ?? {}
  input('scope').placeholder = scope ?? ''
  byId('profile-options').hidden = options === null
  byId('profile-options-text').textContent = options ?? ''
}

async function save(): Promise<void> {
  const name = chosenName()
  const isNew = !input('name').readOnly
  const empty = ['base_url', SECRET].filter(
    (field) => input(field).required && input(field).value.trim() === '',
  )
  if (name === '') empty.unshift('name')
  if (empty.length > 0)
    throw new FieldMistakes(...empty.map((field) => [field, 'must not be empty'] as const))
  const made = entry()
  if (isNew && (await exists(name)))
    throw new FieldMistakes(['name', `There is already a profile ${name}. Choose another name.`])
  await call('PUT', `/v1/profiles/${encodeURIComponent(name)}`, made)
  notify(isNew ? `Added: ${name}. Log in to it next.` : `Saved: ${name}`)
}

/** Nothing is filled in that typing would append to. */
function chosenName(): string {
  const { value, placeholder } = input('name')
  return value.trim() === '' ? placeholder : value.trim()
}

function entry(): Entry {
  const made = { ...otherSettings() }
  for (const [key, field] of fields()) {
    const value = field.value.trim()
    if (value !== '') made[key] = value
  }
  const secret = input(SECRET).value
  if (secret !== '') made[SECRET] = secret
  else if (keptSecret !== undefined && made[SECRET] === undefined) made[SECRET] = keptSecret
  return made
}

function otherSettings(): Entry {
  const parsed = parsedOther()
  if (parsed === undefined)
    throw new FieldMistakes(['other', 'must be a JSON object, such as {"dpop": true}'])
  return parsed
}

/** @returns `undefined` if it is no JSON object */
function parsedOther(): Entry | undefined {
  const text = input('other').value.trim()
  if (text === '') return {}
  try {
    const parsed: unknown = JSON.parse(text)
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    return isObject ? (parsed as Entry) : undefined
  } catch {
    return undefined
  }
}

async function exists(name: string): Promise<boolean> {
  const { profiles } = (await (await call('GET', '/v1/profiles')).json()) as {
    profiles: { profile: string }[]
  }
  return profiles.some(({ profile }) => profile === name)
}

/** Those that stand for a key of the profile, except the secret's. */
function fields(): [key: string, field: HTMLInputElement][] {
  const found = byId('profile-form').querySelectorAll<HTMLInputElement>('[data-key]')
  return [...found].map((field) => [field.dataset['key'] ?? '', field])
}

function input(name: string): HTMLInputElement {
  return byId<HTMLInputElement>(`profile-${name}`)
}
