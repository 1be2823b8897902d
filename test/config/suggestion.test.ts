import { expect, test } from 'vitest'
import { didYouMean } from '../../src/config/suggestion.js'

const keys = ['scope', 'client_id', 'client_secret', 'token_endpoint', 'issuer', 'dpop']

test.each([
  ['scopes', 'scope'],
  ['socpe', 'scope'],
  ['clientId', 'client_id'],
  ['client-id', 'client_id'],
  ['CLIENT_SECRET', 'client_secret'],
  ['token_endpiont', 'token_endpoint'],
  ['isuer', 'issuer'],
])('%s is close to %s', (name, meant) => {
  expect(didYouMean(name, keys)).toBe(meant)
})

test.each(['', 'x', 'colour', 'redirect', 's'.repeat(100_000)])('nothing is close to %.20s', (name) => {
  expect(didYouMean(name, keys)).toBeUndefined()
})

test('the nearest of several candidates wins', () => {
  expect(didYouMean('prod2', ['prod22', 'prd', 'prod-2'])).toBe('prod-2')
})

test('a candidate of one letter is not offered for another letter', () => {
  expect(didYouMean('a', ['b', 'c'])).toBeUndefined()
})
