/** Lines for a terminal, which would break long ones in the middle of a word. Pure. */

/**
 * @param width - Columns. A longer word has a line of its own.
 * @returns The lines of the text. One that begins with a blank is to be copied (a URL, a command), so it stays as it is.
 */
export function wrapWords(text: string, width: number): string[] {
  if (text.length <= width || text.startsWith(' ')) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
