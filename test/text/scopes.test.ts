/** Scopes as sets of names (RFC 6749 §3.3). */
import { expect, test } from 'vitest'
import { scopeNames, scopeSet } from '../../src/text/scopes.js'

test.each([
  [undefined, ' ', []],
  [null, ' ', []],
  ['', ' ', []],
  ['b a  b', ' ', ['b', 'a']],
  ['a\tb\nc', ' ', ['a', 'b', 'c']],
  ['a,b c,a', ',', ['a', 'b', 'c']],
  ['a,b', ' ', ['a,b']],
  ['A a', ' ', ['A', 'a']],
] as const)('%j with the separator %j', (scope, separator, names) => {
  expect(scopeNames(scope, separator)).toEqual(names)
})

test('several scopes become one, in their order and without duplicates', () => {
  expect(scopeSet('b a', '', 'a c', 'd')).toBe('b a c d')
})
