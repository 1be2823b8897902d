/** Opens and closes dialogs, sends their forms, and shows their error messages. */
import { CallFailed, wordsOf } from './calls.js'
import { byId } from './elements.js'
import { isOver, showEnd } from './notices.js'

export function open(name: string): void {
  clear(name)
  byId<HTMLDialogElement>(`${name}-dialog`).showModal()
}

export function close(name: string): void {
  byId<HTMLDialogElement>(`${name}-dialog`).close()
}

/** The script sends the form. If that fails, the dialog stays open and shows the message at the field. */
export function onSubmit(name: string, send: () => Promise<void>): void {
  byId<HTMLFormElement>(`${name}-form`).addEventListener('submit', (event) => {
    event.preventDefault()
    void submit(name, send)
  })
}

async function submit(name: string, send: () => Promise<void>): Promise<void> {
  const submitter = byId(`${name}-form`).querySelector<HTMLButtonElement>('[type=submit]')
  clear(name)
  submitter?.setAttribute('aria-busy', 'true')
  try {
    await send()
    close(name)
  } catch (error) {
    if (isOver(error)) showEnd()
    else showFailure(name, error)
  } finally {
    submitter?.removeAttribute('aria-busy')
  }
}

/** An invalid field, found before the form is sent. */
export class FieldMistake extends Error {
  readonly field: string

  constructor(field: string, rule: string) {
    super(rule)
    this.field = field
  }
}

function showFailure(name: string, error: unknown): void {
  const mistakes = mistakesOf(error)
  const elsewhere = mistakes.filter(([field, rule]) => !showAtField(name, field, rule))
  const text =
    mistakes.length === 0 ? wordsOf(error) : elsewhere.map((mistake) => mistake.join(': ')).join('. ')
  const failure = byId(`${name}-failure`)
  failure.textContent = text
  failure.hidden = text === ''
  byId(`${name}-form`).querySelector<HTMLElement>('[aria-invalid]')?.focus()
}

function mistakesOf(error: unknown): readonly (readonly [field: string, rule: string])[] {
  if (error instanceof FieldMistake) return [[error.field, error.message]]
  if (!(error instanceof CallFailed)) return []
  return (error.problem.errors ?? []).map(({ name, detail }) => [name, detail])
}

/** @returns `false` if the form has no such field */
function showAtField(name: string, field: string, rule: string): boolean {
  const [top = ''] = field.split('.')
  const error = document.getElementById(`${name}-${top}-error`)
  if (error === null) return false
  error.textContent = field === top ? rule : `${field.slice(top.length + 1)} ${rule}`
  error.hidden = false
  document.getElementById(`${name}-${top}`)?.setAttribute('aria-invalid', 'true')
  return true
}

function clear(name: string): void {
  const form = byId(`${name}-form`)
  byId(`${name}-failure`).hidden = true
  for (const error of form.querySelectorAll<HTMLElement>('.error')) error.hidden = true
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
}

/** Asks before an action that cannot be undone. */
export function confirm(text: string, yes: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('confirm-dialog')
  byId('confirm-text').textContent = text
  byId('confirm-yes').textContent = yes
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === 'yes')
  })
}
