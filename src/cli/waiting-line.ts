/** A line at the bottom of the terminal during a wait: its object and its duration. */
import { printable } from '../text/printable.js'
import { cut, printNote } from './output.js'

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const PERIOD_MS = 120
/** Moves the cursor to the start of the line and clears the line. */
const CLEAR = '\r\u001B[K'

/** Nothing is drawn if stderr is not a terminal, so that logs and pipes do not contain it. */
export class WaitingLine {
  readonly #text: string
  readonly #stream = process.stderr
  readonly #begunAtMs = Date.now()
  readonly #timer: NodeJS.Timeout | undefined
  #frame = 0

  constructor(text: string) {
    this.#text = printable(text)
    if (!this.#stream.isTTY || process.env['TERM'] === 'dumb') return
    this.#timer = setInterval(() => this.#draw(), PERIOD_MS)
    this.#timer.unref()
    this.#draw()
  }

  /** Prints above the line. */
  note(lines: readonly string[]): void {
    if (this.#timer !== undefined) this.#stream.write(CLEAR)
    printNote(lines)
  }

  /** Clears the line. The next output begins there. */
  end(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#stream.write(CLEAR)
  }

  #draw(): void {
    const seconds = Math.floor((Date.now() - this.#begunAtMs) / 1000)
    const frame = FRAMES[this.#frame % FRAMES.length]
    const rest = ` ${spanInWords(seconds)} (Ctrl-C cancels)`
    this.#frame += 1
    // Room for ^C, which the terminal may print after it, on the same line.
    const room = (this.#stream.columns || 80) - 4 - rest.length
    this.#stream.write(`${CLEAR}${frame} ${cut(this.#text, room)}${rest}`)
  }
}

/** `9 min 40 s` */
export function spanInWords(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
