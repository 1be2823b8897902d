import { describe, expect, test } from 'vitest'
import { normalHost, profileForHost } from '../../../src/cli/credential/hosts.js'
import { CatchdError } from '../../../src/failures.js'

const ENTRIES = [
  { profile: 'hub', hosts: ['github.com', 'api.github.com'] },
  { profile: 'corp', hosts: ['*.corp.example', 'git.corp.example:8443'] },
  { profile: 'local', hosts: ['localhost:3000', '[::1]:3000'] },
  { profile: 'work', hosts: ['shared.example'] },
  { profile: 'home', hosts: ['Shared.Example'] },
  { profile: 'none', hosts: [] },
]

describe('the profile of a host', () => {
  test.each([
    ['github.com', 'hub'],
    ['GitHub.com', 'hub'],
    ['https://github.com/me/repo.git', 'hub'],
    ['github.com:443', 'hub'],
    ['github.com:8443', undefined],
    ['github.com.evil.example', undefined],
    ['evilgithub.com', undefined],
    ['a.corp.example', 'corp'],
    ['a.b.corp.example', 'corp'],
    ['corp.example', undefined],
    ['evilcorp.example', undefined],
    ['git.corp.example:8443', 'corp'],
    ['a.corp.example:8443', undefined],
    ['localhost:3000', 'local'],
    ['localhost', undefined],
    ['http://[::1]:3000/', 'local'],
    ['', undefined],
    ['not a host', undefined],
  ])('%s → %s', (host, profile) => {
    expect(profileForHost(ENTRIES, host)).toBe(profile)
  })

  test('several profiles: the user name may choose, otherwise it has to be said', () => {
    expect(profileForHost(ENTRIES, 'shared.example', 'home')).toBe('home')
    expect(() => profileForHost(ENTRIES, 'shared.example')).toThrow(CatchdError)
    expect(() => profileForHost(ENTRIES, 'shared.example')).toThrow(/work, home/)
  })

  test('an exact entry goes before a suffix', () => {
    const entries = [...ENTRIES, { profile: 'one', hosts: ['one.corp.example'] }]
    expect(profileForHost(entries, 'one.corp.example')).toBe('one')
  })
})

test('hosts are compared without scheme, path, case and the default port', () => {
  expect(normalHost(' HTTPS://Images.Example:443/v1/ ')).toBe('images.example')
})
