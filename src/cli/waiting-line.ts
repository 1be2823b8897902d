/**
 * A line at the foot of the terminal while something is waited for: what, and for how long. Nothing where stderr is no
 * terminal, so that logs and pipes stay as they are.
 */

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const PERIOD_MS = 120
/** Back to the margin, and away with what stands there. */
const CLEAR = '\r\u001B[K'

export class WaitingLine {
  readonly #text: string
  readonly #stream: NodeJS.WriteStream
  readonly #begunAtMs = Date.now()
  readonly #timer: NodeJS.Timeout | undefined
  #frame = 0

  /** @param text - What is waited for. */
  constructor(text: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#text = text
    this.#stream = stream
    if (!stream.isTTY || process.env['TERM'] === 'dumb') return
    this.#timer = setInterval(() => this.#draw(), PERIOD_MS)
    this.#timer.unref()
    this.#draw()
  }

  /** Takes the line away; what is printed next begins in its place. */
  end(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#stream.write(CLEAR)
  }

  #draw(): void {
    const seconds = Math.floor((Date.now() - this.#begunAtMs) / 1000)
    const frame = FRAMES[this.#frame % FRAMES.length]
    const rest = ` ${inWords(seconds)} (Ctrl-C cancels)`
    this.#frame += 1
    // The terminal may write ^C after it, which must not begin another line.
    const room = (this.#stream.columns || 80) - 4 - rest.length
    const text = this.#text.length <= room ? this.#text : `${this.#text.slice(0, Math.max(0, room - 1))}…`
    this.#stream.write(`${CLEAR}${frame} ${text}${rest}`)
  }
}

function inWords(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
