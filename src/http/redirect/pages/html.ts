/**
 * HTML by tagged template: every value is escaped unless it is itself the result of {@link html}.
 *
 * What a page shows comes partly from outside (`error_description`), so escaping is not left to each page.
 */

/** Markup that is safe to stand in a page as it is. */
export class Html {
  readonly #markup: string

  /** Only for text that is ours, such as a style sheet; everything else goes through {@link html}. */
  constructor(markup: string) {
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

export type HtmlValue = Html | string | number | null | readonly Html[]

/** Values are escaped for text and for quoted attributes; `null` is nothing. */
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

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Line ends become spaces; other control characters, and those that turn the direction of the text around
 * them, become the replacement character: a description must not dress up as part of our page.
 */
function escapeText(text: string): string {
  return text
    .replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ')
    .replaceAll(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
