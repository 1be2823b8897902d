/** A terminal session as a picture: commands and their output in a window, as text that can be searched and scaled. */
import { escaped, svg } from './svg.js'

export interface TerminalCommand {
  readonly command: string
  readonly output: string
}

const COLUMNS = 100
const GLYPH = 8.4
const LINE = 20
const [LEFT, TOP] = [20, 62]

const STYLE = `
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #c9d1d9; white-space: pre }
.window { fill: #0d1117; stroke: #3d444d }
.bar { fill: #21262d }
.dot { fill: #484f58 }
.prompt { fill: #7ee787 }
.command { fill: #ffffff; font-weight: 600 }
.bar-title { font: 13px system-ui, sans-serif; fill: #9198a1; text-anchor: middle }`

export function drawTerminal(title: string, session: readonly TerminalCommand[]): string {
  const lines = session.flatMap(({ command, output }, index) => [
    ...(index === 0 ? [] : [{ text: '', isCommand: false }]),
    ...command.split('\n').map((text, row) => ({ text: row === 0 ? `$ ${text}` : text, isCommand: true })),
    ...output
      .trimEnd()
      .split('\n')
      .map((text) => ({ text, isCommand: false })),
  ])
  const width = 2 * LEFT + COLUMNS * GLYPH
  const height = TOP + lines.length * LINE
  return svg({
    width,
    height,
    title,
    description: lines.map(({ text }) => cut(text)).join('\n'),
    style: STYLE,
    elements: [
      `<rect class="window" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
      `<path class="bar" d="M1 32 V9 a8 8 0 0 1 8 -8 H${width - 9} a8 8 0 0 1 8 8 V32 z"/>`,
      ...[20, 40, 60].map((x) => `<circle class="dot" cx="${x}" cy="16" r="6"/>`),
      `<text class="bar-title" x="${width / 2}" y="21">${escaped(title)}</text>`,
      ...lines.map((line, index) => drawLine(line, TOP + index * LINE)).filter((text) => text !== ''),
    ],
  })
}

/** A width of its own for each part, so that columns stand below each other in every font. */
function drawLine({ text, isCommand }: { text: string; isCommand: boolean }, y: number): string {
  const shown = cut(text)
  const part = (said: string, column: number, kind: string) =>
    `<text${kind} x="${round(LEFT + column * GLYPH)}" y="${y}" textLength="${round(said.length * GLYPH)}" lengthAdjust="spacingAndGlyphs">${escaped(said)}</text>`
  const prompt = isCommand && shown.startsWith('$ ') ? part('$', 0, ' class="prompt"') : ''
  const rest = prompt === '' ? shown : ` ${shown.slice(1)}`
  const words = rest.trimStart()
  return words === ''
    ? ''
    : prompt + part(words, rest.length - words.length, isCommand ? ' class="command"' : '')
}

const cut = (text: string) => (text.length <= COLUMNS ? text : `${text.slice(0, COLUMNS - 1)}…`)

const round = (value: number) => Number(value.toFixed(1))
