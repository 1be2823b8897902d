/**
 * Whether a caller wants plain text instead of JSON (RFC 9110 §12.5.1). Pure.
 *
 * JSON, unless the Accept header prefers text/plain: many clients send `application/json, text/plain, *\/*` and mean JSON.
 */

interface Preference {
  readonly quality: number
  /** 0 for `*\/*`, 1 for `text/*`, 2 for the type itself. */
  readonly specificity: number
}

const NOT_ACCEPTED: Preference = { quality: 0, specificity: -1 }

export function prefersPlainText(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const text = preferenceFor('text', 'plain', accept)
  const json = preferenceFor('application', 'json', accept)
  if (text.quality !== json.quality) return text.quality > json.quality
  return text.quality > 0 && text.specificity > json.specificity
}

/** The most specific range decides (RFC 9110 §12.5.1). */
function preferenceFor(family: string, type: string, accept: string): Preference {
  let best = NOT_ACCEPTED
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
    const specificity = ['*/*', `${family}/*`, `${family}/${type}`].indexOf(name)
    if (specificity > best.specificity) best = { specificity, quality: qualityOf(parameters) }
  }
  return best
}

function qualityOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = weight === undefined ? 1 : Number(weight.slice(2))
  return quality >= 0 && quality <= 1 ? quality : 0
}
