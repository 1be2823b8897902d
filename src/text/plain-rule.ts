/** The rule that a value breaks, in everyday words: the end of a sentence that begins with the name of the value. Pure. */
import type * as z from 'zod'

const TYPES = new Map([
  ['string', 'a string'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
])

/** @returns `undefined` for kinds of mistakes that it has no words for. It never quotes the value. */
export function plainRule(issue: z.core.$ZodIssue | z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES.get(issue.expected) ?? 'of another type'}`
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'must not be empty'
        : `must be ${issue.minimum} or more`
    case 'too_big':
      return issue.origin === 'string'
        ? `must have no more than ${issue.maximum} characters`
        : `must be ${issue.maximum} or less`
    // Each pattern and union in our schemas has its own rule.
    case 'invalid_format':
    case 'invalid_union':
    case 'custom':
      return issue.message
    default:
      return undefined
  }
}
