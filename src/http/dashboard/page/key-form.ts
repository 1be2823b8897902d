/** The form that makes an API key, and the dialog that shows the key once. Nothing is allowed until it is chosen. */
import { call } from './calls.js'
import { FieldMistakes, onSubmit, open } from './dialog.js'
import { byId, element } from './elements.js'

const SECONDS_A_DAY = 86_400
/** A longer list has a search field. */
const SEEN_AT_A_GLANCE = 8

export function prepareKeyForm(): void {
  onSubmit({ name: 'key', send: make })
  // After the dialog is closed, the key is no longer in the page.
  byId('new-key-dialog').addEventListener('close', () => {
    byId('new-key-value').textContent = ''
  })
  byId('key-form').addEventListener('change', ({ target }) => {
    if (target === allProfiles()) for (const box of boxes('profiles')) box.checked = allProfiles().checked
    else allProfiles().checked = boxes('profiles').every(({ checked }) => checked)
    countProfiles()
  })
  input('find').addEventListener('input', find)
}

export async function openKeyForm(): Promise<void> {
  const { profiles } = (await (await call('GET', '/v1/profiles')).json()) as {
    readonly profiles: readonly { readonly profile: string }[]
  }
  byId<HTMLFormElement>('key-form').reset()
  const names = profiles.map(({ profile }) => profile).sort()
  byId('key-profile-list').replaceChildren(...names.map(choice))
  input('find').hidden = names.length <= SEEN_AT_A_GLANCE
  byId('key-all-count').textContent = String(names.length)
  byId('key-all-choice').hidden = names.length < 2
  countProfiles()
  open('key')
  input('client').focus()
}

function choice(name: string): HTMLElement {
  const label = element('label', { class: 'choice' })
  label.append(element('input', { type: 'checkbox', name: 'profiles', value: name }), name)
  return label
}

/** The chosen ones stay chosen, also if they are not shown. */
function find(): void {
  const wanted = input('find').value.trim().toLowerCase()
  for (const label of byId('key-profile-list').querySelectorAll<HTMLElement>('label')) {
    label.hidden = !(label.textContent ?? '').includes(wanted)
  }
}

function countProfiles(): void {
  const all = boxes('profiles')
  byId('key-profiles-count').textContent =
    `${all.filter(({ checked }) => checked).length} of ${all.length} chosen`
}

async function make(): Promise<void> {
  const client = input('client').value.trim()
  const [profiles, actions] = [chosen('profiles'), chosen('actions')]
  const days = input('expires').value.trim()
  const mistakes: (readonly [field: string, rule: string])[] = []
  if (client === '') mistakes.push(['client', 'must not be empty'])
  if (profiles.length === 0) mistakes.push(['profiles', 'Choose at least one profile.'])
  if (actions.length === 0) mistakes.push(['actions', 'Choose at least one action.'])
  if (!/^\d{0,4}$/.test(days)) mistakes.push(['expires', 'must be a number of days, or empty'])
  if (mistakes.length > 0) throw new FieldMistakes(...mistakes)
  const expiresIn = days === '' ? null : Number(days) * SECONDS_A_DAY
  const answer = await call('POST', '/v1/clients', { client, profiles, actions, expires_in: expiresIn })
  const { key } = (await answer.json()) as { readonly key: string }
  byId('new-key-value').textContent = key
  open('new-key')
}

function boxes(name: string): HTMLInputElement[] {
  return [...byId('key-form').querySelectorAll<HTMLInputElement>(`[name=${name}]`)]
}

function chosen(name: string): string[] {
  return boxes(name)
    .filter(({ checked }) => checked)
    .map(({ value }) => value)
}

function allProfiles(): HTMLInputElement {
  return input('all')
}

function input(name: string): HTMLInputElement {
  return byId<HTMLInputElement>(`key-${name}`)
}
