/** The form that makes an API key, and the dialog that shows the key once. */
import { call } from './calls.js'
import { FieldMistake, onSubmit, open } from './dialog.js'
import { byId } from './elements.js'

const SECONDS_A_DAY = 86_400

export function prepareKeyForm(): void {
  onSubmit('key', make)
  // After the dialog is closed, the key is no longer in the page.
  byId('new-key-dialog').addEventListener('close', () => {
    byId('new-key-value').textContent = ''
  })
}

/** @param profiles - The profiles that the form suggests. */
export function openKeyForm(profiles: readonly string[]): void {
  byId<HTMLFormElement>('key-form').reset()
  input('profiles').value = profiles.join(' ')
  open('key')
  input('client').focus()
}

async function make(): Promise<void> {
  const answer = await call('POST', '/v1/clients', {
    client: input('client').value.trim(),
    profiles: input('profiles')
      .value.split(/[\s,]+/)
      .filter((name) => name !== ''),
    actions: [...byId('key-form').querySelectorAll<HTMLInputElement>('[name=actions]:checked')].map(
      ({ value }) => value,
    ),
    expires_in: expiry(),
  })
  const { key } = (await answer.json()) as { key: string }
  byId('new-key-value').textContent = key
  open('new-key')
}

function expiry(): number | null {
  const text = input('expires').value.trim()
  if (text === '') return null
  if (!/^\d{1,4}$/.test(text)) throw new FieldMistake('expires', 'must be a number of days, or empty')
  return Number(text) * SECONDS_A_DAY
}

function input(name: string): HTMLInputElement {
  return byId<HTMLInputElement>(`key-${name}`)
}
