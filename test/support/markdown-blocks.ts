/** The fenced blocks of Markdown pages (CommonMark §4.5, as far as these pages use it), for tests that paste them. */
import { readFileSync } from 'node:fs'

export interface MarkdownBlock {
  /** As it was given. */
  readonly file: string
  /** Of the opening fence, from 1. */
  readonly line: number
  /** First word of the info string; empty without one. */
  readonly language: string
  /** Without the fences and their indentation; ends with a line end unless it is empty. */
  readonly text: string
  /** The paragraph above it, for what it says of the block. */
  readonly before: string
}

/** @throws Error for a fence that is not closed */
export function markdownBlocks(file: string, markdown = readFileSync(file, 'utf8')): MarkdownBlock[] {
  const lines = markdown.split('\n')
  const blocks: MarkdownBlock[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const open = /^(?<indent> *)(?<fence>`{3,}|~{3,})\s*(?<language>[^\s`]*)[^`]*$/.exec(
      lines[at] ?? '',
    )?.groups
    if (open === undefined) continue
    const { indent = '', fence = '', language = '' } = open
    const isClosing = (line: string) => new RegExp(`^ *${fence[0]}{${fence.length},} *$`).test(line)
    const closing = lines.findIndex((line, index) => index > at && isClosing(line))
    if (closing < 0) throw new Error(`${file}:${at + 1}: the fence is not closed.`)
    const text = lines
      .slice(at + 1, closing)
      .map((line) => `${line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()}\n`)
      .join('')
    blocks.push({ file, line: at + 1, language, text, before: paragraphAbove(lines, at) })
    at = closing
  }
  return blocks
}

function paragraphAbove(lines: readonly string[], fence: number): string {
  let end = fence
  while (end > 0 && lines[end - 1]?.trim() === '') end -= 1
  let start = end
  while (start > 0 && lines[start - 1]?.trim() !== '') start -= 1
  return lines.slice(start, end).join('\n')
}
