/**
 * Builds HTML with a tagged template that escapes every value, except values that {@link html} made itself.
 *
 * Some values come from outside (`error_description`), so the pages must not have to escape values themselves.
 */

import { printable } from '../../../text/printable.js'

/** Markup that a page can contain without escaping. */
export class Html {
  readonly #markup: string

  /** Only for texts of this program, such as a style sheet. Use {@link html} for everything else. */
  constructor(markup: string) {
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

export type HtmlValue = Html | string | number | null | readonly Html[]

/** Escapes values for text and for quoted attributes; `null` becomes an empty string. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = strings[0] ?? ''
  values.forEach((value, index) => {
    markup += render(value) + (strings[index + 1] ?? '')
  })
  return new Html(markup)
}

function render(value: HtmlValue): string {
  if (value === null) return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(String).join('')
  return escapeText(String(value))
}

/** The same text for markup: in text and in quoted attributes. */
export function escapeMarkup(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Line ends become spaces, so that an `error_description` cannot imitate other parts of the page. */
function escapeText(text: string): string {
  return escapeMarkup(printable(text.replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ')))
}
