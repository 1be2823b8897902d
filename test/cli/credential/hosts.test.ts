import { describe, expect, test } from 'vitest'
import { askedHost, normalHost, profileForHost } from '../../../src/cli/credential/hosts.js'
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
  ])('%s → %s', (asked, profile) => {
    expect(profileForHost(ENTRIES, askedHost(asked) ?? '')).toBe(profile)
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

describe('what a tool asks', () => {
  test.each([
    ['git.example', 'git.example'],
    ['git.example:8443', 'git.example:8443'],
    ['Git.Example:443', 'git.example'],
    ['HTTPS://Git.Example/v1/?a=b', 'git.example'],
    ['http://localhost:3000/a', 'localhost:3000'],
    ['http://localhost:80', 'localhost'],
    ['http://127.0.0.1', '127.0.0.1'],
    ['http://[::1]:3000/', '[::1]:3000'],
    ['[::1]', '[::1]'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('%s is a host', (asked, host) => {
    expect(askedHost(asked)).toBe(host)
  })

  test.each([
    '',
    'http://git.example',
    'http://git.example:443/',
    'HTTP://git.example',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example/',
    'ftp://git.example',
    'smtp://git.example',
    '://git.example',
    'https://',
    'not a host',
    ' git.example',
    'git.example ',
    'git.example\n',
    'git.example\r',
    'git.example\0',
    'git.exa\tmple',
    'git.example\u00a0',
    'user@git.example',
    'https://user:password@git.example/',
    'https://git.example@evil.example/',
    'https://evil.example\\@git.example/',
    'https:git.example',
    'https:/git.example',
    'https:///git.example',
    'git.example/path',
    'git.example?a',
    'git.example#a',
    'https://git.example#a',
    'git.example:',
    'git.example:0',
    'git.example:08443',
    'git.example:99999',
    'git.example:443:443',
    'git.example.',
    'https://git.example./',
    '.git.example',
    '-git.example',
    '*.git.example',
    'git%2eexample',
    'gıt.example',
    'git。example',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '[::1%25lo]',
    '[fe80::1%eth0]:80',
    '::1',
    '[git.example]',
  ])('%j is none', (asked) => {
    expect(askedHost(asked)).toBeUndefined()
  })
})

test('hosts are compared without scheme, path, case and the default port', () => {
  expect(normalHost(' HTTPS://Images.Example:443/v1/ ')).toBe('images.example')
})
