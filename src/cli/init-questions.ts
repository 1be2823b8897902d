/** Questions on a terminal, with @clack/prompts, which only `catchd init` loads. They are printed on stderr. */
import type * as Clack from '@clack/prompts'
import { printable } from '../text/printable.js'
import { wrapWords } from '../text/word-wrap.js'
import { Interrupted } from './context.js'

interface Choice {
  readonly value: string
  readonly label: string
  readonly hint: string
}

interface TextQuestion {
  /** Shown until the user types, and no answer. */
  readonly placeholder?: string
  /** The answer if the user types nothing. May be empty. */
  readonly otherwise?: string
  /** @returns The problem with an answer; `undefined` if it is valid. */
  readonly rule?: (text: string) => string | undefined
}

export class Questions {
  readonly #clack: typeof Clack
  readonly #output = process.stderr
  readonly #inputEnd = new AbortController()

  private constructor(clack: typeof Clack) {
    this.#clack = clack
    // At Ctrl-D, readline closes without a word to the question. Nothing is left then that could answer it, and the
    // program would end as if all had gone well.
    process.once('beforeExit', () => this.#inputEnd.abort())
  }

  static async begin(title: string): Promise<Questions> {
    const questions = new Questions(await import('@clack/prompts'))
    questions.#clack.intro(title, { output: questions.#output })
    return questions
  }

  /**
   * The list gets shorter while the user types.
   *
   * @param otherwise - What remains when nothing else fits.
   */
  async choose(message: string, otherwise: Choice, choices: readonly Choice[]): Promise<string> {
    const options = [otherwise, ...choices].map((choice) => ({ ...choice }))
    const fits = (search: string, { label, hint }: Choice) =>
      `${label} ${hint}`.toLowerCase().includes(search.trim().toLowerCase())
    const answer = await this.#clack.autocomplete({
      message,
      options,
      maxItems: 10,
      filter: (search, { value }) =>
        options.some((option) => option.value === value && fits(search, option)) ||
        (value === otherwise.value && !options.some((option) => fits(search, option))),
      ...this.#terminal,
    })
    return this.#answered(answer)
  }

  async text(message: string, question: TextQuestion = {}): Promise<string> {
    const { otherwise, placeholder = otherwise, rule } = question
    const answer = await this.#clack.text({
      message,
      ...(placeholder ? { placeholder } : {}),
      ...(otherwise === undefined ? {} : { defaultValue: otherwise }),
      validate: (text = '') => {
        if (text.trim() !== '') return rule?.(text.trim())
        return otherwise === undefined ? 'It cannot be empty.' : undefined
      },
      ...this.#terminal,
    })
    return this.#answered(answer).trim()
  }

  /** The typed text is not shown. */
  async hidden(message: string, isNeeded: boolean): Promise<string> {
    const answer = await this.#clack.password({
      message,
      validate: (text) => (isNeeded && !text ? 'It cannot be empty.' : undefined),
      ...this.#terminal,
    })
    return this.#answered(answer)
  }

  say(lines: readonly string[]): void {
    // Without a box, so that the values to register are easy to copy.
    const width = Math.max(20, (this.#output.columns || 80) - '│  '.length)
    const wrapped = lines.flatMap((line) => wrapWords(printable(line), width))
    this.#clack.log.message(wrapped.join('\n'), { output: this.#output })
  }

  get #terminal() {
    return { output: this.#output, signal: this.#inputEnd.signal }
  }

  #answered(answer: string | symbol | undefined): string {
    if (!this.#clack.isCancel(answer)) return String(answer ?? '')
    this.#clack.cancel('Cancelled. No profile was saved.', { output: this.#output })
    throw new Interrupted('SIGINT')
  }
}
