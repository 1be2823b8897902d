import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EnvironmentVariables, parseEnvironment } from '../../src/config/environment.js'
import { Secret } from '../../src/secret.js'
import { failureOf } from './support.js'

test('an empty environment gives nothing: the file and the defaults count', () => {
  expect(parseEnvironment({ PATH: '/bin', HOME: '/home/me' })).toEqual({
    home: undefined,
    apiPort: undefined,
    redirectPort: undefined,
    vault: undefined,
    vaultPassphraseFile: undefined,
    browser: undefined,
    logLevel: undefined,
    loginTimeoutSeconds: undefined,
    clientMetadataUrl: undefined,
    apiKey: undefined,
    url: undefined,
  })
})

test('every variable is read', () => {
  const environment = parseEnvironment({
    CATCHD_HOME: '/x',
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: '0',
    CATCHD_VAULT: 'memory',
    CATCHD_VAULT_PASSPHRASE_FILE: '/x/pass',
    CATCHD_BROWSER: 'none',
    CATCHD_LOG_LEVEL: 'trace',
    CATCHD_LOGIN_TIMEOUT_SECONDS: '5',
    CATCHD_CLIENT_METADATA_URL: 'https://me.example/catchd.json',
    CATCHD_API_KEY: 'k-canary-1',
    CATCHD_URL: 'http://127.0.0.1:7636/',
  })
  expect(environment).toMatchObject({
    home: '/x',
    apiPort: 0,
    redirectPort: 0,
    vault: 'memory',
    vaultPassphraseFile: '/x/pass',
    browser: 'none',
    logLevel: 'trace',
    loginTimeoutSeconds: 5,
    clientMetadataUrl: 'https://me.example/catchd.json',
    url: 'http://127.0.0.1:7636',
  })
  expect(environment.apiKey).toBeInstanceOf(Secret)
  expect(environment.apiKey?.reveal()).toBe('k-canary-1')
  expect(JSON.stringify(environment)).not.toContain('canary')
})

test('what a hook is told with does not stop the program that it runs', () => {
  const told = { CATCHD_PROFILE: 'gw', CATCHD_REASON: 'expired', CATCHD_NEEDED_AT: '2026-01-01T00:00:00Z' }
  expect(parseEnvironment({ ...told, CATCHD_API_PORT: '0' }).apiPort).toBe(0)
})

test('an empty value counts as unset', () => {
  expect(parseEnvironment({ CATCHD_API_PORT: '', CATCHD_HOME: '' })).toMatchObject({
    apiPort: undefined,
    home: undefined,
  })
})

describe('a bad value stops the program with the name and the rule', () => {
  test.each([
    ['CATCHD_HOME', 'relative/path', 'an absolute path'],
    ['CATCHD_API_PORT', '65536', 'from 0 to 65535'],
    ['CATCHD_API_PORT', '-1', 'from 0 to 65535'],
    ['CATCHD_API_PORT', '1e3', 'from 0 to 65535'],
    ['CATCHD_API_PORT', ' 80', 'from 0 to 65535'],
    ['CATCHD_REDIRECT_PORT', '99999999999', 'from 0 to 65535'],
    ['CATCHD_VAULT', 'keychian', 'Did you mean keychain?'],
    ['CATCHD_VAULT', 'nonsense', 'auto, keychain, file, memory'],
    ['CATCHD_VAULT_PASSPHRASE_FILE', 'pass', 'an absolute path'],
    ['CATCHD_LOG_LEVEL', 'warning', 'trace, debug, info, warn, error, fatal, silent'],
    ['CATCHD_LOG_LEVEL', 'INFO', 'Did you mean info?'],
    ['CATCHD_LOGIN_TIMEOUT_SECONDS', '4', 'from 5 to 3600'],
    ['CATCHD_LOGIN_TIMEOUT_SECONDS', '3601', 'from 5 to 3600'],
    ['CATCHD_CLIENT_METADATA_URL', 'https://me.example/', 'an https URL with a path'],
    ['CATCHD_API_KEY', 'canary with\nnewline', 'printable ASCII'],
    ['CATCHD_URL', 'http://example.com:7636', 'loopback'],
    ['CATCHD_URL', 'ftp://127.0.0.1', 'https URL'],
    ['CATCHD_URL', 'https://user:canary@example.com', 'https URL'],
  ])('%s=%s', (name, value, rule) => {
    const failure = failureOf(() => parseEnvironment({ [name]: value }))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
    expect(failure.detail).toContain(`${name} must be`)
    expect(failure.detail).toContain(rule)
    expect(failure.detail).not.toContain('canary')
  })
})

test.each([
  ['CATCHD_VALT', 'CATCHD_VAULT'],
  ['CATCHD_API_PROT', 'CATCHD_API_PORT'],
  ['CATCHD_LOGLEVEL', 'CATCHD_LOG_LEVEL'],
])('an unknown name gets a suggestion: %s', (name, meant) => {
  const failure = failureOf(() => parseEnvironment({ [name]: 'canary' }))
  expect(failure.code).toBe('config_invalid')
  expect(failure.detail).toBe(`${name} is not a known variable. Did you mean ${meant}?`)
})

test('variables that tests use are not variables of the program', () => {
  const failure = failureOf(() => parseEnvironment({ CATCHD_TEST_REQUIRE_ALL: '1' }))
  expect(failure.detail).toBe('CATCHD_TEST_REQUIRE_ALL is not a known variable.')
})

test('all wrong variables are named at once', () => {
  const { detail } = failureOf(() =>
    parseEnvironment({ CATCHD_VAULT: '?', CATCHD_API_PORT: '?', CATCHD_X: '1' }),
  )
  expect(detail).toContain('CATCHD_VAULT')
  expect(detail).toContain('CATCHD_API_PORT')
  expect(detail).toContain('CATCHD_X')
})

test('no message repeats a value, whatever it is', () => {
  const values = fc.string({ minLength: 12 }).map((text) => `canary${text}`)
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(EnvironmentVariables.shape)), values, (name, value) => {
      try {
        parseEnvironment({ [name]: value })
      } catch (error) {
        expect(String(error)).not.toContain('canary')
      }
    }),
  )
})

describe('.env.example', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

  test.each(Object.entries(EnvironmentVariables.shape))('documents %s', (name, schema) => {
    expect(text).toContain(`${schema.description}`.split(' ').slice(0, 4).join(' '))
    const fallback = schema.meta()?.['default'] ?? ''
    expect(text.split('\n')).toContain(`${name}=${fallback}`)
  })

  test('names nothing else', () => {
    const names = [...text.matchAll(/^(CATCHD_\w+)=/gm)].map((match) => match[1])
    expect(names).toEqual(Object.keys(EnvironmentVariables.shape))
  })
})
