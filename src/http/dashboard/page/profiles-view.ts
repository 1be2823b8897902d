/** What of the profiles the page shows: found by a text, of one state, how many, and which rows are open. */

const STEP = 50
/** So that an update stays small. Opening one more closes the one that was opened first. */
const MOST_OPEN = 20

let group = 'all'
let most = STEP
/** In the order in which they were opened; `undefined` until the page was updated once. */
let open: Set<string> | undefined

/** For the server, which renders only this. */
export function viewQuery(): URLSearchParams {
  const query = new URLSearchParams({ find: findField()?.value ?? '', group, most: String(most) })
  if (open !== undefined) query.set('open', [...open].join(' '))
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
  if (!(target instanceof HTMLDetailsElement)) return
  const { profile } = target.dataset
  if (profile === undefined) return
  open ??= new Set()
  if (!target.open) open.delete(profile)
  else if (!open.has(profile)) {
    open.add(profile)
    const [first] = open
    if (open.size > MOST_OPEN && first !== undefined) close(first)
    onChange()
  }
}

function close(profile: string): void {
  const row = document.querySelector<HTMLDetailsElement>(`details[data-profile="${profile}"]`)
  if (row !== null) row.open = false
  open?.delete(profile)
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
