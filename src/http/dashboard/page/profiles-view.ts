/** What of the profiles the page shows: found by a text, of one state, how many, and which rows are open. */

const STEP = 50
/** So that an update stays small. Opening one more closes another one. */
const MOST_OPEN = 20

let group = 'all'
let most = STEP

/** For the server, which renders only this. Without a list, the server decides what is open. */
export function viewQuery(): URLSearchParams {
  const query = new URLSearchParams({ find: findField()?.value ?? '', group, most: String(most) })
  if (rows('').length > 0)
    query.set(
      'open',
      rows('[open]')
        .map(({ dataset }) => dataset['profile'])
        .join(' '),
    )
  return query
}

export function prepareProfilesView(onChange: () => void): void {
  document.addEventListener('input', ({ target }) => {
    if (target !== findField()) return
    most = STEP
    onChange()
  })
  // The event does not bubble.
  document.addEventListener('toggle', ({ target }) => follow(target, onChange), { capture: true })
}

function follow(target: EventTarget | null, onChange: () => void): void {
  if (!(target instanceof HTMLDetailsElement && target.open && target.matches('[data-profile]'))) return
  const open = rows('[open]')
  const other = open.find((row) => row !== target)
  if (open.length > MOST_OPEN && other !== undefined) other.open = false
  if (target.querySelector('[data-action]') === null) onChange() // its content is not loaded yet
}

function rows(which: string): HTMLDetailsElement[] {
  return [...document.querySelectorAll<HTMLDetailsElement>(`details[data-profile]${which}`)]
}

export function chooseGroup(next: string): void {
  group = next
  most = STEP
}

export function showAll(): void {
  chooseGroup('all')
  const field = findField()
  if (field === null) return
  field.value = ''
  field.focus()
}

export function showMore(): void {
  most += STEP
}

/** It is there only if there are many profiles. */
function findField(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>('#find')
}
