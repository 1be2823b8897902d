/** The prepared text of a token answer says what the answer says, whatever stands in it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenAnswer, tokenAnswerText } from '../../../src/http/api/token-answer.js'
import { Secret } from '../../../src/secret.js'
import type { TokenSet } from '../../../src/tokens/token-set.js'

const NOW_MS = Date.parse('2026-03-01T00:00:00Z')

function tokenSet(changes: Partial<TokenSet> = {}): TokenSet {
  return {
    authorizationServer: 'https://id.example.com',
    clientId: 'client-1',
    server: null,
    accessToken: new Secret('at-1'),
    tokenType: 'Bearer',
    loggedInAtMs: null,
    obtainedAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 3_600_000,
    refreshToken: null,
    refreshTokenExpiresAtMs: null,
    refreshTokenStays: false,
    refusedRefreshToken: null,
    repeatedRefusal: null,
    scope: 'email',
    idToken: null,
    idTokenStays: null,
    issuer: null,
    subject: null,
    parameters: {},
    ...changes,
  }
}

test('it is the answer, at every instant, whatever the token set holds', () => {
  const anything = fc.record({
    accessToken: fc.string({ minLength: 1 }).map((text) => new Secret(text)),
    tokenType: fc.string(),
    scope: fc.option(fc.string()),
    parameters: fc.dictionary(fc.string(), fc.jsonValue()),
    expiresAtMs: fc.option(fc.integer({ min: NOW_MS, max: NOW_MS + 1e9 })),
  })
  fc.assert(
    fc.property(
      anything,
      fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1 }),
      (changes, laterMs) => {
        const set = tokenSet(changes)
        for (const ms of laterMs) {
          const { text } = tokenAnswerText(set, 'gw', undefined, NOW_MS + ms)
          expect(text).toBe(JSON.stringify(tokenAnswer(set, 'gw', NOW_MS + ms)))
        }
      },
    ),
  )
})

test('the seconds that are left go down, the rest stays', () => {
  const set = tokenSet()
  const [first, second] = [0, 60_000].map((ms) =>
    JSON.parse(tokenAnswerText(set, 'gw', undefined, NOW_MS + ms).text),
  )
  expect([first.expires_in, second.expires_in]).toEqual([3600, 3540])
  expect({ ...first, expires_in: 0 }).toEqual({ ...second, expires_in: 0 })
})

test('one token set under two names is told with each name', () => {
  const set = tokenSet()
  const names = ['gw', 'hub', 'gw'].map(
    (name) => JSON.parse(tokenAnswerText(set, name, undefined, NOW_MS).text).profile,
  )
  expect(names).toEqual(['gw', 'hub', 'gw'])
})
