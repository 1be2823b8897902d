/** Reading option values that several commands share; a bad one is a usage error. */
import { InvalidArgumentError } from 'commander'
import { parseDuration } from './instants.js'

/** @returns A reader for whole seconds within the range. */
export function seconds(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number of seconds from ${least} to ${most}.`)
  }
}

/** @returns The names of a comma list, without empty ones. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** A TCP port; 0 stands for a free one. */
export function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (value >= 0 && value <= 65_535) return value
  throw new InvalidArgumentError('It must be a port from 0 to 65535.')
}

/** Seconds of `90d`, `12h` or `3600`. */
export function duration(text: string): number {
  const value = parseDuration(text)
  if (value === undefined || value === 0) throw new InvalidArgumentError('It must be like 90d, 12h or 3600.')
  return value
}
