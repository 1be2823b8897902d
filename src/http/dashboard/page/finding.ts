/** Finding one of many profiles: cards whose name, status and server do not hold what was typed are hidden. */

export function prepareFinding(): void {
  document.addEventListener('input', ({ target }) => {
    if (target instanceof Element && target.id === 'find') applyFinding()
  })
}

/** Also after the panels came anew: the server knows nothing of it. */
export function applyFinding(): void {
  const field = document.getElementById('find') // only where there are many
  const wanted = field instanceof HTMLInputElement ? field.value.trim().toLowerCase() : ''
  const cards = [...document.querySelectorAll<HTMLElement>('.card')]
  for (const card of cards) {
    const text = [...card.querySelectorAll('.head, .account')].map(({ textContent }) => textContent).join(' ')
    card.hidden = !text.toLowerCase().includes(wanted)
  }
  const none = document.getElementById('find-none')
  if (none !== null) none.hidden = cards.some((card) => !card.hidden)
}
