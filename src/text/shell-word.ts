/** Quotes text as one word of a command line that is printed to be pasted. */

/** Characters that no shell interprets. `=` is not first: zsh replaces `=name` by a path. */
const PLAIN = /^[\w./:@%+,-][\w./:@%+,=-]*$/
/** The same for cmd.exe and PowerShell, where `%`, `,` and `@` can have a meaning. */
const PLAIN_ON_WINDOWS = /^[\w./:\\+-]+$/

/**
 * @returns The text, in quotes if it needs them. On Windows the quotes hold in cmd.exe and in PowerShell; characters that
 *   no quotes protect in both become `?`.
 */
export function shellWord(text: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return PLAIN.test(text) ? text : singleQuoted(text)
  return PLAIN_ON_WINDOWS.test(text) ? text : `"${text.replaceAll(/["%$`!]/g, '?')}"`
}

/** For a POSIX shell on any machine. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
