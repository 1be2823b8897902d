/**
 * The output of commands: results on stdout, everything else on stderr. Colours only on a terminal without NO_COLOR.
 * Tables, times and text from others in a form for people.
 */
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'

/** A line of the result. */
export function printResult(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** One line for programs. Indented on a terminal. */
export function printJson(value: unknown): void {
  printResult(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined))
}

/** A line that is not part of the result: progress, advice. */
export function printNote(line: string): void {
  process.stderr.write(`${line}\n`)
}

export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream, validateStream: true })
}

/** A cell of a table. `style` applies to all of it. */
export type Cell = string | { readonly text: string; readonly style: Style }

/**
 * Rows of equal length in aligned columns, under a heading. Cells are made printable. On a narrow terminal, the widest
 * columns are cut, with an ellipsis. A pipe gets the full text.
 */
export function table(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => row.map(toCell))
  const wanted = heading.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => (row[column]?.text ?? '').length)),
  )
  const widths = fitted(wanted, process.stdout.isTTY ? (process.stdout.columns ?? Infinity) : Infinity)
  const line = (row: readonly { text: string; style?: Style }[]) =>
    row
      .map(({ text, style }, column) => {
        const padded = cut(text, widths[column] ?? 0).padEnd(
          column === row.length - 1 ? 0 : (widths[column] ?? 0),
        )
        return style === undefined ? padded : styled(style, padded)
      })
      .join(GAP)
      .trimEnd()
  return [styled('bold', line(heading.map((text) => ({ text })))), ...cells.map(line)].join('\n')
}

const GAP = '  '
/** A column is not cut to less than this width. */
const NARROWEST = 6

function toCell(cell: Cell): { text: string; style?: Style } {
  return typeof cell === 'string' ? { text: printable(cell) } : { ...cell, text: printable(cell.text) }
}

function fitted(wanted: readonly number[], columns: number): number[] {
  const widths = [...wanted]
  const total = () => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1))
  while (total() > columns) {
    const widest = Math.max(...widths)
    if (widest <= NARROWEST) break
    widths[widths.indexOf(widest)] = widest - 1
  }
  return widths
}

/** @returns The text, with an ellipsis if it is longer than `width`. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** Names and values in two aligned columns, indented. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs
    .map(([name, value]) => `  ${styled('dim', name.padEnd(width))}  ${printable(value)}`)
    .join('\n')
}

/**
 * Text from others must not move the cursor or change the title of the terminal.
 *
 * @returns The text on one line. Control characters, line ends, and characters that change the direction of the text
 *   become `\u{…}`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}

export const SECONDS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
])

/** @returns `in 59 min`, `2 h ago`, `now`. Rounded down, so that no time looks longer than it is. */
export function relative(instant: string, nowMs: number): string {
  const seconds = Math.trunc((Date.parse(instant) - nowMs) / 1000)
  const distance = Math.abs(seconds)
  const [unit, size] = [...SECONDS_PER_UNIT].find(([, size]) => distance >= size) ?? []
  if (size === undefined) return 'now'
  const span = `${Math.floor(distance / size)} ${unit}`
  return seconds > 0 ? `in ${span}` : `${span} ago`
}

/** @returns `in 59 min (2026-11-23T15:00:00Z)`, or that the server did not send it. */
export function expiryInWords(instant: string | null, nowMs: number): string {
  return instant === null ? 'expiry unknown' : `${relative(instant, nowMs)} (${instant})`
}
