/** Escapes text for XML content (XML 1.0 §2.4). Pure. */

export function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
