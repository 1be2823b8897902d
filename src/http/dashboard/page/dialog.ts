/** Opens and closes dialogs, sends their forms, and shows each mistake at its field. */
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

interface Form {
  readonly name: string
  readonly send: () => Promise<void>
  /** Fields for members of the request that have another name. */
  readonly aliases?: Readonly<Record<string, string>>
  /** The field for all members that have none of their own. */
  readonly others?: string
}

/** The script sends the form. If that fails, the dialog stays open with all that was typed. */
export function onSubmit(form: Form): void {
  byId<HTMLFormElement>(`${form.name}-form`).addEventListener('submit', (event) => {
    event.preventDefault()
    void submit(form)
  })
}

async function submit(form: Form): Promise<void> {
  const { name, send } = form
  const submitter = byId(`${name}-form`).querySelector<HTMLButtonElement>('[type=submit]')
  if (submitter?.getAttribute('aria-busy') === 'true') return
  clear(name)
  submitter?.setAttribute('aria-busy', 'true')
  try {
    await send()
    close(name)
  } catch (error) {
    if (isOver(error)) showEnd()
    else showFailure(form, error)
  } finally {
    submitter?.removeAttribute('aria-busy')
  }
}

type Mistake = readonly [field: string, rule: string]

/** Invalid fields, found before the form is sent. A rule is a sentence, or the end of one that begins with the label. */
export class FieldMistakes extends Error {
  readonly mistakes: readonly Mistake[]

  constructor(...mistakes: readonly Mistake[]) {
    super()
    this.mistakes = mistakes
  }
}

function showFailure({ name, aliases = {}, others = '' }: Form, error: unknown): void {
  const mistakes = mistakesOf(error)
  const elsewhere = mistakes.filter(([member, rule]) => {
    const [top = ''] = member.split('.')
    const said = `${member.slice(top.length + 1)} ${rule}`.trim()
    return (
      !showAtField(name, aliases[top] ?? top, said) && !showAtField(name, others, sentence([member, rule]))
    )
  })
  const form = byId(`${name}-form`)
  const first = form.querySelector<HTMLElement>('[aria-invalid]')
  const texts = mistakes.length === 0 ? [wordsOf(error)] : elsewhere.map(sentence)
  const summary = byId(`${name}-failure`)
  summary.textContent = texts.join(' ')
  summary.hidden = texts.length === 0
  bringIntoView(first ?? summary)
}

function sentence([field, rule]: Mistake): string {
  return `${field} ${rule}`.trim()
}

function bringIntoView(place: HTMLElement): void {
  const folded = place.closest('details')
  if (folded !== null) folded.open = true
  const field = place.closest('.field') ?? place
  field.scrollIntoView({ block: 'nearest' })
  place.focus({ preventScroll: true })
}

function mistakesOf(error: unknown): readonly Mistake[] {
  if (error instanceof FieldMistakes) return error.mistakes
  if (!(error instanceof CallFailed)) return []
  return (error.problem.errors ?? []).map(({ name, detail }) => [name, detail])
}

/** @returns `false` if the form has no such field */
function showAtField(form: string, field: string, rule: string): boolean {
  const error = document.getElementById(`${form}-${field}-error`)
  if (error === null) return false
  const place = error.closest<HTMLElement>('.field')
  if (place !== null) place.hidden = false
  const label = place?.querySelector('label, legend')?.textContent ?? ''
  const said = /^[\p{Lu}"]/u.test(rule) ? rule : `${label} ${rule}`
  error.textContent = /[.!?]$/.test(said) ? said : `${said}.`
  error.hidden = false
  for (const control of place?.querySelectorAll('input:not([type=search]), select, textarea') ?? []) {
    control.setAttribute('aria-invalid', 'true')
  }
  return true
}

function clear(name: string): void {
  const form = byId(`${name}-form`)
  byId(`${name}-failure`).hidden = true
  for (const error of form.querySelectorAll<HTMLElement>('.field > .error')) {
    error.hidden = true
    error.textContent = '' // a screen reader also reads a hidden description
  }
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
