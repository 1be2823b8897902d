/** Every key of a profile says what it is, and what is derived from that is what the program had by hand. */
import { expect, test } from 'vitest'
import {
  ENDPOINTS,
  FILE_KEYS,
  PARAMETER_KEYS,
  ProfileEntry,
  SERVER_URLS,
  type ShownKey,
  SOURCE_KEYS,
} from '../../src/config/profile.js'
import { profileKey } from '../../src/config/profile-key.js'
import { withoutSecrets } from '../../src/diagnosis/facts.js'
import { testProfile } from '../support/fake-authorization-servers.js'

const NAMES = Object.keys(ProfileEntry.shape)
const of = (name: string) => profileKey(ProfileEntry.shape, name)

test('every key says what it is', () => {
  expect(NAMES.filter((name) => of(name) === undefined)).toEqual([])
})

test('a name that is no key is nothing, whatever objects inherit', () => {
  for (const name of ['', 'newcomer', '__proto__', 'constructor', 'toString'])
    expect(of(name)).toBeUndefined()
})

test('not shown as they are: sources of secrets, and what the token endpoint alone is sent', () => {
  const hidden = NAMES.filter((name) => of(name)?.shown !== true)
  expect(hidden).toEqual([
    'client_secret',
    'subject_token',
    'token_parameters',
    'refresh_parameters',
    'token_request_headers',
  ])
  expect(hidden).toEqual(
    expect.arrayContaining(
      [...SOURCE_KEYS, ...PARAMETER_KEYS].filter((name) => name !== 'authorization_parameters'),
    ),
  )
  // @ts-expect-error the types know it as well
  const wrong: ShownKey = 'token_parameters'
  expect(of(wrong)?.shown).toBe('known_parameters')
})

test('by their names: files, URLs of servers', () => {
  expect([...FILE_KEYS].sort()).toEqual(NAMES.filter((name) => name.endsWith('_file')).sort())
  expect(NAMES.filter((name) => name.endsWith('_endpoint'))).toEqual(
    SERVER_URLS.filter((name) => name.endsWith('_endpoint')),
  )
  // The metadata of a server knows no such name.
  expect(SERVER_URLS.filter((name) => !(ENDPOINTS as readonly string[]).includes(name))).toEqual([
    'issuer',
    'resource_server',
    'refresh_endpoint',
  ])
})

test('a diagnosis is given nothing that may be a secret', () => {
  const profile = testProfile({
    client_secret: 'canary-1',
    subject_token: { file: '/run/canary-2' },
    token_parameters: { pin: 'canary-3' },
    refresh_parameters: { pass: 'canary-4' },
    token_request_headers: { 'x-api-key': 'canary-5' },
  })
  const facts = withoutSecrets(profile)
  expect(JSON.stringify(facts)).not.toContain('canary')
  expect(facts).toMatchObject({ name: 'gw', client_id: 'client-1', scope: 'email', hasClientSecret: true })
})
