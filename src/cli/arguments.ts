/** Readers for the values of options. An invalid value is a usage error. */
import { InvalidArgumentError } from '@commander-js/extra-typings'
import { SECONDS_PER_UNIT } from './output.js'

/** @param what - What the number is, for the message. */
export function wholeNumber(what: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be ${what} from ${least} to ${most}.`)
  }
}

export const seconds = (least: number, most: number) => wholeNumber('a whole number of seconds', least, most)

/** Names separated by commas, without empty ones. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** @returns A reader for choices separated by commas. */
export function choicesOf<Choice extends string>(choices: readonly Choice[]): (text: string) => Choice[] {
  return (text) =>
    commaList(text).map((word) => {
      const choice = choices.find((known) => known === word)
      if (choice === undefined) throw new InvalidArgumentError(`Each must be one of ${choices.join(', ')}.`)
      return choice
    })
}

/** Seconds of `90d`, `12h`, `30min`, `45s` or `3600`. */
export function duration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})(s|min|h|d)?$/.exec(text) ?? []
  const value = Number(count) * (SECONDS_PER_UNIT.get(unit) ?? 1)
  if (value === 0) throw new InvalidArgumentError('It must be like 90d, 12h or 3600.')
  return value
}
