/** What all drawings share: escaped text, a described root element, and colours for a light and a dark screen. */

export const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export interface Drawing {
  readonly width: number
  readonly height: number
  readonly title: string
  /** For who cannot see the drawing: all that it says. */
  readonly description: string
  readonly style: string
  readonly elements: readonly string[]
}

export function svg({ width, height, title, description, style, elements }: Drawing): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>${style.trim().replaceAll(/\n\s*/g, '\n')}</style>`,
    ...elements,
    '</svg>',
  ].join('\n')}\n`
}
