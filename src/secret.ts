/**
 * A string that must not be printed: tokens, codes, verifiers, client secrets, API keys.
 *
 * Every conversion to text gives a marker. Call `reveal()` at the last moment: where the value is sent, stored in the
 * vault, or given to the tool that asked for it.
 */
import { inspect } from 'node:util'

export const MARKER = '[secret]'

export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return MARKER
  }

  toJSON(): string {
    return MARKER
  }

  [Symbol.toPrimitive](): string {
    return MARKER
  }

  [inspect.custom](): string {
    return MARKER
  }
}
