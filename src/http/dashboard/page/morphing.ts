/**
 * Updates a part of the page to new markup from the server. Only differences are changed, so the focus, open
 * disclosures, typed texts and selections stay as they are.
 */

/** Attributes that the user sets in the browser, not the server. */
const KEPT = new Set(['open'])

export function update(current: Element, next: Element): void {
  const focused = document.activeElement
  const around = focused === null || !current.contains(focused) ? [] : placesAround(focused, current)
  morph(current, next)
  if (focused === null || around.length === 0 || document.activeElement === focused) return
  // A row that moved loses the focus. If the focused element is gone, its row has it next, otherwise the panel.
  const place = [focused, ...around].find((each) => each.isConnected)
  if (place instanceof HTMLElement) place.focus({ preventScroll: true })
}

function placesAround(element: Element, panel: Element): Element[] {
  const row = element.closest('[data-key]')
  return [row?.querySelector('summary, button'), panel.querySelector('h2'), panel].filter(
    (place) => place instanceof Element,
  )
}

function morph(current: Element, next: Element): void {
  for (const { name } of [...current.attributes]) {
    if (!next.hasAttribute(name) && !KEPT.has(name)) current.removeAttribute(name)
  }
  for (const { name, value } of next.attributes) {
    if (current.getAttribute(name) !== value) current.setAttribute(name, value)
  }
  morphChildren(current, next)
}

function morphChildren(current: Element, next: Element): void {
  const byKey = new Map([...current.children].map((child) => [keyOf(child), child]))
  let place = current.firstChild
  for (const wanted of [...next.childNodes]) {
    const key = keyOf(wanted)
    const found = key === undefined ? place : (byKey.get(key) ?? null)
    if (found !== null && isAlike(found, wanted)) {
      if (found === place) place = place.nextSibling
      else current.insertBefore(found, place)
      morphNode(found, wanted)
    } else {
      current.insertBefore(document.importNode(wanted, true), place)
    }
  }
  while (place !== null) {
    const after: ChildNode | null = place.nextSibling
    place.remove()
    place = after
  }
}

function morphNode(current: Node, next: Node): void {
  if (current instanceof Element && next instanceof Element) morph(current, next)
  else if (current.nodeValue !== next.nodeValue) current.nodeValue = next.nodeValue
}

function isAlike(one: Node, other: Node): boolean {
  return one.nodeName === other.nodeName && keyOf(one) === keyOf(other)
}

function keyOf(node: Node): string | undefined {
  return node instanceof HTMLElement ? node.dataset['key'] : undefined
}
