/** Questions on a terminal, with @clack/prompts, which only `catchd init` loads. They are printed on stderr. */
import type * as Clack from '@clack/prompts'
import { printable } from '../text/printable.js'
import { Interrupted } from './context.js'

interface Choice {
  readonly value: string
  readonly label: string
  readonly hint: string
}

interface TextQuestion {
  readonly placeholder?: string
  readonly initial?: string
  readonly optional?: boolean
  /** @returns The problem with an answer; `undefined` if it is valid. */
  readonly rule?: (text: string) => string | undefined
}

export class Questions {
  readonly #clack: typeof Clack
  readonly #output = process.stderr

  private constructor(clack: typeof Clack) {
    this.#clack = clack
  }

  static async begin(title: string): Promise<Questions> {
    const questions = new Questions(await import('@clack/prompts'))
    questions.#clack.intro(title, { output: questions.#output })
    return questions
  }

  /** The list gets shorter while the user types. */
  async choose(message: string, choices: readonly Choice[]): Promise<string> {
    const { autocomplete } = this.#clack
    const options = choices.map((choice) => ({ ...choice }))
    return this.#answered(await autocomplete({ message, options, maxItems: 10, output: this.#output }))
  }

  async text(message: string, question: TextQuestion = {}): Promise<string> {
    const { placeholder, initial, optional = false, rule } = question
    const answer = await this.#clack.text({
      message,
      ...(placeholder === undefined ? {} : { placeholder }),
      ...(initial === undefined ? {} : { initialValue: initial }),
      validate: (text = '') => {
        if (text.trim() === '') return optional ? undefined : 'It cannot be empty.'
        return rule?.(text.trim())
      },
      output: this.#output,
    })
    return this.#answered(answer).trim()
  }

  /** The typed text is not shown. */
  async hidden(message: string, isNeeded: boolean): Promise<string> {
    const answer = await this.#clack.password({
      message,
      validate: (text) => (isNeeded && !text ? 'It cannot be empty.' : undefined),
      output: this.#output,
    })
    return this.#answered(answer)
  }

  say(lines: readonly string[]): void {
    // Without a box, so that the values to register are easy to copy.
    this.#clack.log.message(lines.map(printable).join('\n'), { output: this.#output })
  }

  #answered(answer: string | symbol | undefined): string {
    if (!this.#clack.isCancel(answer)) return String(answer ?? '')
    this.#clack.cancel('Nothing was changed.', { output: this.#output })
    throw new Interrupted('SIGINT')
  }
}
