import { expect, test } from 'vitest'
import { codeChallenge, randomSecret } from '../../src/authorization-server/pkce.js'
import { Secret } from '../../src/secret.js'

test('the challenge of RFC 7636 appendix B', () => {
  const verifier = new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')
  expect(codeChallenge(verifier, 'S256')).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
})

test('the challenge of the webMethods documentation', () => {
  const verifier = new Secret('95b4efde52b141d1bde8a7bfc23bdb244728fdd70d4a4be5b110866cfc218db7')
  expect(codeChallenge(verifier, 'S256')).toBe('tMTWyt3W5QtaPIqNkqAHLTGZnN0aPopp2fsLrUFdAC0')
})

test('plain sends the verifier itself', () => {
  expect(codeChallenge(new Secret('v'), 'plain')).toBe('v')
})

test('random values have 256 bits and never repeat', () => {
  const values = new Set(Array.from({ length: 1_000 }, () => randomSecret().reveal()))
  expect(values.size).toBe(1_000)
  for (const value of values) expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/)
})
