/**
 * Draws who sends what to whom, in order. GitHub draws Mermaid, but npm, editors and the site do not, and none of them
 * takes over the colours of a dark screen. An SVG reads the same everywhere.
 */
import { escaped, svg } from './svg.js'

/** One line of the drawing, from the top. */
export type Step =
  /** An arrow between two participants; dashed where it answers. */
  | { readonly from: string; readonly to: string; readonly text: string; readonly answer?: true }
  /** What a participant does on its own; with `until`, a note across all columns to that one. */
  | { readonly at: string; readonly until?: string; readonly text: string }
  /** A heading for the steps below it. */
  | { readonly phase: string }

export interface Sequence {
  readonly title: string
  readonly participants: readonly string[]
  /** Distance between two participants, in pixels. */
  readonly column: number
  /** The participant that the drawing is about. */
  readonly accent?: string
  readonly steps: readonly Step[]
}

const MARGIN = 24
const HEAD = { width: 168, height: 36 }
const ROW = 44
/** An average glyph at 13 px, for the width of notes. */
const GLYPH = 7

const STYLE = `
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; fill: #1f2328; text-anchor: middle }
.ground { fill: #ffffff; stroke: #d1d9e0 }
.head { fill: #f6f8fa; stroke: #818b98 }
.head.accent { fill: #0b57b8; stroke: #0b57b8 }
.name { font-weight: 600 }
.name.accent { fill: #ffffff }
.life, .rule { stroke: #d1d9e0; stroke-width: 1.5 }
.arrow { stroke: #59636e; stroke-width: 1.5; fill: none }
.answer { stroke-dasharray: 5 4 }
.tip { fill: #59636e }
.behind { fill: #ffffff }
.note { fill: #fff8e1; stroke: #d4a72c }
.phase { font-weight: 600; fill: #59636e; text-anchor: start }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.ground { fill: #0d1117; stroke: #3d444d }
.head { fill: #151b23; stroke: #656c76 }
.head.accent { fill: #1f6feb; stroke: #1f6feb }
.life, .rule { stroke: #3d444d }
.arrow { stroke: #9198a1 }
.tip, .phase { fill: #9198a1 }
.behind { fill: #0d1117 }
.note { fill: #2a2411; stroke: #9e7a1c }
}`

export function drawSequence({ title, participants, column, accent, steps }: Sequence): string {
  const left = MARGIN + HEAD.width / 2
  const xOf = (name: string) => {
    const index = participants.indexOf(name)
    if (index < 0) throw new Error(`No participant of "${title}" is called ${name}.`)
    return left + index * column
  }
  const width = 2 * left + (participants.length - 1) * column
  const top = MARGIN + HEAD.height
  const height = top + (steps.length + 0.5) * ROW + MARGIN
  const marked = (name: string) => (name === accent ? ' accent' : '')

  const lives = participants.map(
    (name) => `<line class="life" x1="${xOf(name)}" y1="${top}" x2="${xOf(name)}" y2="${height - MARGIN}"/>`,
  )
  const heads = participants.flatMap((name) => [
    `<rect class="head${marked(name)}" x="${xOf(name) - HEAD.width / 2}" y="${MARGIN}" width="${HEAD.width}" height="${HEAD.height}" rx="6"/>`,
    `<text class="name${marked(name)}" x="${xOf(name)}" y="${MARGIN + 23}">${escaped(name)}</text>`,
  ])
  const rows = steps.flatMap((step, index) => {
    const y = top + (index + 1) * ROW
    if ('phase' in step) {
      return [
        `<rect class="behind" x="${MARGIN / 2}" y="${y - 18}" width="${width - MARGIN}" height="26"/>`,
        `<text class="phase" x="${MARGIN}" y="${y}">${escaped(step.phase)}</text>`,
        `<line class="rule" x1="${MARGIN}" y1="${y + 7}" x2="${width - MARGIN}" y2="${y + 7}"/>`,
      ]
    }
    if ('at' in step) {
      const [from, to] = [xOf(step.at), xOf(step.until ?? step.at)]
      const wide = Math.max(step.text.length * GLYPH + 20, Math.abs(to - from) + HEAD.width)
      return [
        `<rect class="note" x="${(from + to - wide) / 2}" y="${y - 20}" width="${wide}" height="28" rx="4"/>`,
        `<text x="${(from + to) / 2}" y="${y - 1}">${escaped(step.text)}</text>`,
      ]
    }
    const [from, to] = [xOf(step.from), xOf(step.to)]
    const back = to > from ? -1 : 1
    const middle = (from + to) / 2
    const wide = step.text.length * GLYPH
    return [
      `<line class="arrow${step.answer ? ' answer' : ''}" x1="${from}" y1="${y}" x2="${to + 2 * back}" y2="${y}"/>`,
      `<path class="tip" d="M${to} ${y} l${9 * back} -4.5 v9 z"/>`,
      `<rect class="behind" x="${middle - wide / 2}" y="${y - 21}" width="${wide}" height="16"/>`,
      `<text x="${middle}" y="${y - 8}">${escaped(step.text)}</text>`,
    ]
  })
  return svg({
    width,
    height,
    title,
    description: steps.map(inWords).join(' '),
    style: STYLE,
    elements: [
      `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
      ...lives,
      ...heads,
      ...rows,
    ],
  })
}

function inWords(step: Step): string {
  if ('phase' in step) return `${step.phase}:`
  if ('at' in step) return `${step.at}: ${step.text}.`
  return `${step.from} to ${step.to}: ${step.text}.`
}
