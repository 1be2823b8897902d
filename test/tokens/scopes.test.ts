/** Which scopes a stored token covers, and what a step-up login asks for. */
import { describe, expect, test } from 'vitest'
import {
  missingScopes,
  type ScopedProfile,
  scopeInsufficient,
  widenedScope,
} from '../../src/tokens/scopes.js'

const profileOf = (changes: Partial<ScopedProfile> = {}): ScopedProfile => ({
  name: 'gw',
  grant: 'authorization_code',
  scope: 'a',
  scope_separator: ' ',
  ...changes,
})

describe('missing scopes', () => {
  test.each<[what: string, has: string | null, asked: string, missing: string[], separator?: string]>([
    ['all there', 'a b', 'a b', []],
    ['another order', 'b a', 'a b', []],
    ['fewer', 'a b', 'b', []],
    ['one more', 'a', 'a b', ['b']],
    ['several, in the order asked for', 'b', 'd b c', ['d', 'c']],
    ['asked for twice', 'a', 'b b', ['b']],
    ['another case', 'Read', 'read', ['read']],
    ['a longer name', 'repo:status', 'repo', ['repo']],
    ['a shorter name', 'repo', 'repo:status', ['repo:status']],
    ['a URL', 'https://a/x https://a/y', 'https://a/y', []],
    ['unknown scope of the token', null, 'a', ['a']],
    ['an empty scope of the token', '', 'a', ['a']],
    ['commas as the separator, as the profile writes it', 'a,b', 'b', [], ','],
    ['commas in the question', 'a b', 'a,b', [], ','],
    ['commas are part of a name elsewhere', 'a,b', 'b', ['b']],
    ['a name of an object', 'a', 'constructor', ['constructor']],
  ])('%s', (_what, scope, asked, missing, separator = ' ') => {
    expect(missingScopes(profileOf({ scope_separator: separator }), { scope }, asked)).toEqual(missing)
  })
})

describe('a step-up login asks for', () => {
  test.each<
    [what: string, profile: Partial<ScopedProfile>, has: string | null, asked: string, scope: string]
  >([
    ['old and new', { scope: 'a' }, 'a', 'b', 'a b'],
    ['what the server granted without being asked', { scope: '' }, 'basic', 'b', 'basic b'],
    ['what the server does not repeat', { scope: 'a offline_access' }, 'a', 'b', 'a offline_access b'],
    ['earlier step-ups', { scope: 'a' }, 'a b', 'c', 'a b c'],
    ['the profile when nothing is known of the token', { scope: 'a' }, null, 'b', 'a b'],
    ['each once', { scope: 'a b' }, 'b a', 'b', 'a b'],
    ['names without the separator', { scope: 'a,b', scope_separator: ',' }, 'a b', 'c,d', 'a b c d'],
  ])('%s', (_what, profile, scope, asked, expected) => {
    expect(widenedScope(profileOf(profile), { scope }, asked)).toBe(expected)
  })

  test('the profile and what is needed where there is no token', () => {
    expect(widenedScope(profileOf(), null, 'b')).toBe('a b')
  })
})

describe('the refusal names a command that helps', () => {
  const machine = { grant: 'client_credentials' } as const
  test.each<[what: string, profile: Partial<ScopedProfile>, missing: string[], next: string]>([
    ['a login', {}, ['b'], 'catchd token gw --scope b --login'],
    ['a login for several', {}, ['b', 'c'], "catchd token gw --scope 'b c' --login"],
    ['quoted for a shell', {}, ['$(x);y'], "catchd token gw --scope '$(x);y' --login"],
    ['without a person', machine, ['b'], 'catchd profile edit gw'],
    ['without a person, when the profile names it now', machine, ['a'], 'catchd refresh gw'],
  ])('%s', (_what, profile, missing, next) => {
    const failure = scopeInsufficient(profileOf(profile), missing)
    expect(failure).toMatchObject({ code: 'scope_insufficient', status: 403, exitCode: 3, next })
    expect(failure.detail).toContain(missing.join(' '))
    expect(failure.members).toEqual({ missing })
  })
})
