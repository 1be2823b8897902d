/** Markup that several panels use. */
import { toInstant } from '../../../clock.js'
import type { CatchdError } from '../../../failures.js'
import { type Html, html } from '../../redirect/pages/html.js'
import { inWords } from '../../redirect/pages/instants.js'
import { distance } from '../time-left.js'

/** Decides the colour. The text beside it says the same. */
export type Tone = 'done' | 'denied' | 'failed' | 'waiting' | 'over'

export function badge(tone: Tone, words: string): Html {
  return html`<span class="badge ${tone}">${words}</span>`
}

/** `3 minutes ago`. The page's script updates it; the title shows the absolute time. */
export function relativeTime(atMs: number, nowMs: number): Html {
  const words = inWords(atMs)
  if (words === undefined) return html`far away`
  return html`<time datetime="${toInstant(atMs)}" title="${words}" data-relative>${distance(atMs, nowMs)}</time>`
}

/** A button whose `data-action` tells the page's script what to do. */
export function button(
  action: string,
  label: string,
  subject: string,
  options: { readonly kind?: 'primary'; readonly login?: string } = {},
): Html {
  const login = options.login === undefined ? null : html` data-login="${options.login}"`
  // For screen readers, the button's name also says what it acts on.
  return html`<button type="button" class="${options.kind ?? 'plain'}" data-action="${action}" data-subject="${subject}"${login}>${label}<span class="unseen"> ${subject}</span></button>`
}

/** A short value with a button that copies it. */
export function copyable(value: string, what: string): Html {
  return html`<span class="copyable"><code>${value}</code> <button type="button" class="link" data-action="copy">Copy<span class="unseen"> ${what}</span></button></span>`
}

/** @param first - Said before the failure. */
export function failureBox(
  { message, next }: Pick<CatchdError, 'message' | 'next'>,
  first: Html | null = null,
): Html {
  return html`<div class="box failed">${first === null ? null : html`<p>${first}</p>`}<p>${message}</p><p>Run next: <code>${next}</code></p></div>`
}

export function emptyBox(text: Html): Html {
  return html`<div class="box empty">${text}</div>`
}

/** `a, b and 3 more` */
export function firstNames(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(', ')
  return names.length <= most ? shown : `${shown} and ${names.length - most} more`
}

/** The end of a list that is longer than the page shows. */
export function andMore(hidden: number, command: string): Html | null {
  if (hidden <= 0) return null
  return html`<p class="more">${hidden} more: <code>${command}</code></p>`
}
