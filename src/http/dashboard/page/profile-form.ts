/**
 * The form to add and edit profiles. It has fields for the most common settings, and all others as JSON. The daemon
 * checks the values.
 */
import { call } from './calls.js'
import { FieldMistake, onSubmit, open } from './dialog.js'
import { byId } from './elements.js'
import { notify } from './notices.js'

type Entry = Record<string, unknown>

const SECRET = 'client_secret'

/** The configured secret, which is kept if the field is empty; `undefined`: there is none. */
let keptSecret: unknown

export function prepareProfileForm(): void {
  onSubmit('profile', save)
}

export function addProfile(): void {
  fill('', {})
  byId('profile-title').textContent = 'Add a profile'
  open('profile')
  byId('profile-name').focus()
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
  nameField.readOnly = name !== ''
  const { [SECRET]: secret, ...rest } = entry
  keptSecret = secret
  input(SECRET).value = ''
  for (const [key, field] of fields()) {
    const value = rest[key]
    field.value = typeof value === 'string' ? value : ''
    if (typeof value === 'string') delete rest[key]
  }
  input('other').value = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest, null, 2)
  const remove = byId('profile-form').querySelector<HTMLElement>('[data-action=remove-profile]')
  if (remove === null) return
  remove.hidden = name === ''
  remove.dataset['subject'] = name
}

async function save(): Promise<void> {
  const name = input('name').value.trim()
  const isNew = !input('name').readOnly
  if (name === '') throw new FieldMistake('name', 'must not be empty')
  if (isNew && (await exists(name)))
    throw new FieldMistake('name', 'already exists: edit that profile instead')
  await call('PUT', `/v1/profiles/${encodeURIComponent(name)}`, entry())
  notify(isNew ? `Added: ${name}. Log in to it next.` : `Saved: ${name}`)
}

function entry(): Entry {
  const made = otherSettings()
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
  const text = input('other').value.trim()
  if (text === '') return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new FieldMistake('other', 'must be JSON, such as {"dpop": true}')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new FieldMistake('other', 'must be a JSON object, such as {"dpop": true}')
  }
  return { ...parsed }
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
