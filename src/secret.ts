/**
 * A string that must not be printed: tokens, codes, verifiers, client secrets, API keys.
 *
 * Every way of turning it into text gives a marker; `reveal()` is called at the last moment, where the
 * value goes over the wire, into the vault or to the tool that asked for it.
 */
import { inspect } from 'node:util'

const MARKER = '[secret]'

export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself. Call it where the value leaves the program, not before. */
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
