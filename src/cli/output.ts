/**
 * The output of commands: results on stdout, everything else on stderr. Colours only on a terminal without NO_COLOR.
 * Tables, times and text from others in a form for people.
 */
import { styleText } from 'node:util'
import { printable, printableJson } from '../text/printable.js'
import { wrapWords } from '../text/word-wrap.js'

const STYLES = ['bold', 'dim', 'green', 'yellow', 'red', 'cyan'] as const
export type Style = (typeof STYLES)[number]

/** The result: one line, or several. Line ends and all else that a terminal does not show are escaped. */
export function printResult(lines: string | readonly string[]): void {
  printLines(process.stdout, lines)
}

/** One line for programs. Indented on a terminal, or if `indented` says so. */
export function printJson(value: unknown, { indented = process.stdout.isTTY === true } = {}): void {
  process.stdout.write(`${printableJson(value, indented ? 2 : undefined)}\n`)
}

/** What is not part of the result: progress, advice. On a terminal, no word is broken. */
export function printNote(lines: string | readonly string[]): void {
  const { isTTY, columns } = process.stderr
  const width = isTTY && columns ? columns : Infinity
  printLines(
    process.stderr,
    [lines].flat().flatMap((line) => wrapWords(line, width)),
  )
}

function printLines(stream: NodeJS.WriteStream, lines: string | readonly string[]): void {
  for (const line of typeof lines === 'string' ? [lines] : lines) stream.write(`${shown(line, stream)}\n`)
}

/**
 * Noncharacters mark the beginning and the end of styled text until it is printed: text of others passes the same way, and
 * its escape sequences must not. With a mark in it, it could get a colour and nothing else.
 */
const END = '\ufdd0'
const BEGIN = new Map(STYLES.map((style, index) => [style, String.fromCharCode(0xfdd1 + index)] as const))
const STYLED = /([\ufdd1-\ufdd6])([^\ufdd0-\ufdd6]*)\ufdd0/g
const MARKS = /[\ufdd0-\ufdd6]/g

export function styled(style: Style, text: string): string {
  return `${BEGIN.get(style)}${text}${END}`
}

/** The line as the stream gets it: everything in it is printable, and has its colours if the stream shows colours. */
export function shown(line: string, stream: NodeJS.WriteStream): string {
  const styleOf = (mark: string) => STYLES[mark.charCodeAt(0) - 0xfdd1] ?? 'bold'
  return printable(line)
    .replace(STYLED, (_, mark: string, text: string) =>
      styleText(styleOf(mark), text, { stream, validateStream: true }),
    )
    .replace(MARKS, '')
}

/** A cell of a table. `style` applies to all of it. */
export type Cell = string | { readonly text: string; readonly style: Style }

/**
 * Rows of equal length in aligned columns, under a heading. Cells are made printable. On a narrow terminal, the widest
 * columns are cut, with an ellipsis. A pipe gets the full text.
 *
 * @returns Its lines.
 */
export function table(heading: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
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
  return [styled('bold', line(heading.map((text) => ({ text })))), ...cells.map(line)]
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

/** Names and values in two aligned columns, indented. On a terminal, no word of a value is broken. @returns The lines. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const shownPairs = pairs.map(([name, value]) => [printable(name), value] as const)
  const width = Math.max(0, ...shownPairs.map(([name]) => name.length))
  const { isTTY, columns } = process.stdout
  const room = isTTY && columns ? Math.max(NARROWEST, columns - width - 2 * GAP.length) : Infinity
  return shownPairs.flatMap(([name, value]) => {
    // A command is copied as one line.
    const lines = value.startsWith('→ ') ? [value] : wrapWords(value, room)
    return lines.map(
      (line, index) => `${GAP}${styled('dim', (index === 0 ? name : '').padEnd(width))}${GAP}${line}`,
    )
  })
}

export const SECONDS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
])

/**
 * @returns `in 59 min`, `2 h ago`, `now`. Rounded down, so that no time looks longer than it is. Less than a sixtieth of the
 *   unit does not count: what begins with 12 h is `in 12 h`, although some seconds are over.
 */
export function relative(instant: string, nowMs: number): string {
  const seconds = Math.trunc((Date.parse(instant) - nowMs) / 1000)
  const distance = Math.abs(seconds)
  const [unit, size] = [...SECONDS_PER_UNIT].find(([, size]) => distance >= size - size / 60) ?? []
  if (size === undefined || distance === 0) return 'now'
  const span = `${Math.floor((distance + size / 60) / size)} ${unit}`
  return seconds > 0 ? `in ${span}` : `${span} ago`
}

/** @returns `in 59 min (2026-11-23T15:00:00Z)`, or that the server did not send it. */
export function expiryInWords(instant: string | null, nowMs: number): string {
  return instant === null ? 'expiry unknown' : `${relative(instant, nowMs)} (${instant})`
}
