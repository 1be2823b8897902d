/** The search field for profiles. Hides the cards whose name, status and server do not contain the typed text. */

export function prepareFinding(): void {
  document.addEventListener('input', ({ target }) => {
    if (target instanceof Element && target.id === 'find') applyFinding()
  })
}

/** Also called after the panels were fetched again, because the server does not know the typed text. */
export function applyFinding(): void {
  const field = document.getElementById('find') // present only if there are many profiles
  const wanted = field instanceof HTMLInputElement ? field.value.trim().toLowerCase() : ''
  const cards = [...document.querySelectorAll<HTMLElement>('.card')]
  for (const card of cards) {
    const text = [...card.querySelectorAll('.head, .account')].map(({ textContent }) => textContent).join(' ')
    card.hidden = !text.toLowerCase().includes(wanted)
  }
  const none = document.getElementById('find-none')
  if (none !== null) none.hidden = cards.some((card) => !card.hidden)
}
