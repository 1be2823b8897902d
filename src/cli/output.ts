/**
 * What commands say: results on stdout, everything else on stderr, colour only where the stream is a terminal
 * and NO_COLOR does not forbid it.
 */
import { styleText } from 'node:util'
import { printable } from './printable.js'

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'

/** A line of the result. */
export function printResult(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** For programs: one line; indented where a person reads it. */
export function printJson(value: unknown): void {
  printResult(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined))
}

/** A line that is no result: progress, advice. */
export function printNote(line: string): void {
  process.stderr.write(`${line}\n`)
}

export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream, validateStream: true })
}

/** A cell of a table; `style` colours all of it. */
export type Cell = string | { readonly text: string; readonly style: Style }

/**
 * Rows of equal length in aligned columns, under a heading; cells are made printable. On a terminal that is too narrow
 * the widest columns are cut, with an ellipsis; a pipe gets all of it.
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
/** A column that is cut further says nothing. */
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

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** Names and values in two aligned columns, indented. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs
    .map(([name, value]) => `  ${styled('dim', name.padEnd(width))}  ${printable(value)}`)
    .join('\n')
}
