/** Small pieces that several panels are made of. */
import { toInstant } from '../../../clock.js'
import type { CatchdError } from '../../../failures.js'
import { type Html, html } from '../../redirect/pages/html.js'
import { inWords } from '../../redirect/pages/instants.js'
import { distance } from '../time-left.js'

/** Decides colour; the words beside it say the same. */
export type Tone = 'done' | 'denied' | 'failed' | 'waiting' | 'over'

export function badge(tone: Tone, words: string): Html {
  return html`<span class="badge ${tone}">${words}</span>`
}

/** `3 minutes ago`; the page's script keeps it right, and the absolute time stands in the title. */
export function relativeTime(atMs: number, nowMs: number): Html {
  const words = inWords(atMs)
  if (words === undefined) return html`far away`
  return html`<time datetime="${toInstant(atMs)}" title="${words}" data-relative>${distance(atMs, nowMs)}</time>`
}

export function row(term: string, description: Html): Html {
  return html`<div><dt>${term}</dt><dd>${description}</dd></div>`
}

/** A button that the page's script knows by its action. */
export function button(
  action: string,
  label: string,
  subject: string,
  options: { readonly kind?: 'primary'; readonly login?: string } = {},
): Html {
  const login = options.login === undefined ? null : html` data-login="${options.login}"`
  // What it acts on is said to those who do not see where it stands.
  return html`<button type="button" class="${options.kind ?? 'plain'}" data-action="${action}" data-subject="${subject}"${login}>${label}<span class="unseen"> ${subject}</span></button>`
}

/** What could not be read, and one command to run. */
export function failureBox({ message, next }: CatchdError): Html {
  return html`<div class="box failed"><p>${message}</p><p>Run next: <code>${next}</code></p></div>`
}

export function emptyBox(text: Html): Html {
  return html`<div class="box empty">${text}</div>`
}
