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

/** Rows of equal length in aligned columns, under a heading; cells are made printable. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = heading.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [styled('bold', line(heading)), ...cells.map(line)].join('\n')
}

/** Names and values in two aligned columns, indented. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs
    .map(([name, value]) => `  ${styled('dim', name.padEnd(width))}  ${printable(value)}`)
    .join('\n')
}
