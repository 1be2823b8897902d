import { writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { entryFrom, profileKeyOptions } from '../../src/cli/profile-keys.js'
import { ProfileEntry } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { problem, type Routes } from '../client/fake-daemon.js'
import { fakeDaemon, run } from './run.js'

const answer = (configuration: object) => ({
  profile: 'gw',
  configuration,
  status: 'login_required',
  expires_at: null,
  scope: null,
  subject: null,
})

/** A daemon without profiles, which takes what it is given. */
const empty: Routes = {
  'GET /v1/profiles/gw': problem('profile_unknown', 404, { profile: 'gw' }),
  'PUT /v1/profiles/gw': ({ body }) => ({ status: 201, body: answer(body as object) }),
}

function parse(...words: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ outputError: () => {} })
  for (const option of profileKeyOptions()) command.addOption(option)
  command.parse(words, { from: 'user' })
  return entryFrom(command.opts())
}

describe('profile keys on the command line', () => {
  test('every key of the schema is an option, with hyphens', () => {
    expect(profileKeyOptions().map(({ long }) => long)).toEqual(
      Object.keys(ProfileEntry.shape).map((key) => `--${key.replaceAll('_', '-')}`),
    )
  })

  test.each<[string[], object]>([
    [['--client-id', '12'], { client_id: '12' }],
    [['--min-ttl-seconds', '90'], { min_ttl_seconds: 90 }],
    [['--dpop'], { dpop: true }],
    [['--state-echo', 'false'], { state_echo: false }],
    [
      ['--hosts', 'a.example, b.example', '--hosts', 'c.example'],
      { hosts: ['a.example', 'b.example', 'c.example'] },
    ],
    [['--resource', 'https://a.example/x,y'], { resource: 'https://a.example/x,y' }],
    [
      ['--resource', 'https://a.example', '--resource', 'https://b.example'],
      { resource: ['https://a.example', 'https://b.example'] },
    ],
    [
      ['--authorization-parameters', 'prompt=consent,audience=a=b'],
      { authorization_parameters: { prompt: 'consent', audience: 'a=b' } },
    ],
    [
      ['--token-request-headers', 'Accept=text/html, application/json,X-A=1'],
      { token_request_headers: { Accept: 'text/html, application/json', 'X-A': '1' } },
    ],
    [
      ['--token-parameters', '{"a":"1,b=2"}', '--token-parameters', 'c='],
      { token_parameters: { a: '1,b=2', c: '' } },
    ],
    [['--audience', 'orders'], { audience: 'orders' }],
    [['--audience', 'orders', '--audience', 'bills, all'], { audience: ['orders', 'bills, all'] }],
    [['--subject-token', '{"profile":"corp"}'], { subject_token: { profile: 'corp' } }],
    [['--subject-token', '{"file":"t.jwt"}'], { subject_token: { file: resolve('t.jwt') } }],
    [['--token-response', '{"expires_in_unit":"ms"}'], { token_response: { expires_in_unit: 'ms' } }],
    [['--client-secret', '{"env":"GW_SECRET"}'], { client_secret: { env: 'GW_SECRET' } }],
    [['--client-secret', '{"file":"secret.txt"}'], { client_secret: { file: resolve('secret.txt') } }],
    [['--ca-file', 'ca.pem'], { ca_file: resolve('ca.pem') }],
    [['--redirect-certificate-file', 'c.pem'], { redirect_certificate_file: resolve('c.pem') }],
    [['--redirect-private-key-file', 'c.key'], { redirect_private_key_file: resolve('c.key') }],
    [['--code-challenge-method', 'S256'], { code_challenge_method: 'S256' }],
  ])('%j', (words, expected) => {
    const entry = parse(...words)
    expect(entry).toEqual(expected)
    expect(ProfileEntry.safeParse(entry).success).toBe(true)
  })

  test.each([
    ['--min-ttl-seconds', 'soon'],
    ['--dpop', 'maybe'],
    ['--authorization-parameters', 'prompt'],
    ['--authorization-parameters', '{"a":'],
    ['--token-response', '[]'],
    ['--grant', 'password'],
    ['--clientid', 'x'],
  ])('%s %s is refused', (...words) => {
    expect(() => parse(...words)).toThrow()
  })

  test('a key that takes a list may repeat', () => {
    const { properties = {} } = z.toJSONSchema(ProfileEntry, { io: 'input' })
    const lists = Object.entries(properties).filter(([, property]) =>
      JSON.stringify(property).includes('"array"'),
    )
    const flags = lists
      .map(([key]) => key)
      .filter((key) => !['client_secret', 'token_response'].includes(key))
    expect(flags).toEqual(['audience', 'resource', 'hosts'])
    for (const key of flags) {
      expect(parse(`--${key}`, 'https://a.example', `--${key}`, 'https://b.example')).toEqual({
        [key]: ['https://a.example', 'https://b.example'],
      })
    }
  })

  test('what is no source of a subject token is not repeated: it may be the token', () => {
    expect(() => parse('--subject-token', 'hunter2')).toThrow(CatchdError)
    expect(() => parse('--subject-token', 'hunter2')).not.toThrow('hunter2')
  })

  test.each(['hunter2', '"hunter2"', '["hunter2"]', '12'])(
    'the client secret %s is not taken from argv',
    (secret) => {
      const attempt = () => parse('--client-secret', secret)
      expect(attempt).toThrow(CatchdError)
      expect(attempt).not.toThrow(secret)
    },
  )
})

describe('profile add', () => {
  test('puts the profile, and says what to register and to do next', async () => {
    const daemon = await fakeDaemon(empty)
    const words = ['--preset', 'webmethods', '--base-url', 'https://gw.example.com', '--client-id', 'c-1']
    const { exitCode, stdout, stderr } = await run(daemon, ['profile', 'add', 'gw', ...words])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'Added: gw\n' })
    expect(stderr).toContain('http://127.0.0.1:8252/callback/gw')
    expect(stderr).toContain('→ catchd login gw')
    expect(daemon.asked.at(-1)?.body).toEqual({
      preset: 'webmethods',
      base_url: 'https://gw.example.com',
      client_id: 'c-1',
    })
  })

  test.each([
    [['--preset', 'google'], /Warning: Google needs a scope.*catchd profile edit gw/],
    [
      ['--preset', 'entra', '--base-url', 'https://login.example/T'],
      /Warning: Microsoft Entra ID needs a scope/,
    ],
    [['--preset', 'google', '--scope', 'openid'], undefined],
    [['--preset', 'gmail'], undefined],
    [['--preset', 'github'], undefined],
  ])('%j: says that a scope is missing: %s', async (words, said) => {
    const { stderr } = await run(await fakeDaemon(empty), [
      'profile',
      'add',
      'gw',
      '--client-id',
      'c',
      ...words,
    ])
    if (said === undefined) expect(stderr).not.toContain('needs a scope')
    else expect(stderr).toMatch(said)
  })

  test('a device login has no redirect URI to register', async () => {
    const daemon = await fakeDaemon(empty)
    const grant = 'urn:ietf:params:oauth:grant-type:device_code'
    const { stderr } = await run(daemon, ['profile', 'add', 'gw', '--client-id', 'c-1', '--grant', grant])
    expect(stderr).toBe('  → catchd login gw\n')
  })

  test.each([
    ['s3cret\n', 's3cret'],
    ['s3cret\r\n', 's3cret'],
    ['\uFEFF s3 cret\n\n', ' s3 cret'],
  ])('--client-secret-stdin reads %j', async (stdin, secret) => {
    const daemon = await fakeDaemon(empty)
    const { exitCode, stdout, stderr } = await run(
      daemon,
      ['profile', 'add', 'gw', '--client-secret-stdin'],
      {
        stdin,
      },
    )
    expect(exitCode).toBe(0)
    expect(daemon.asked.at(-1)?.body).toEqual({ client_secret: secret })
    expect(stdout + stderr).not.toContain(secret)
  })

  test('a secret alone changes nothing else of a profile that exists', async () => {
    const configuration = { client_id: 'c-1', scope: 'a b', client_secret: { keychain: true } }
    const daemon = await fakeDaemon({ ...empty, 'GET /v1/profiles/gw': { body: answer(configuration) } })
    const stored = await run(daemon, ['profile', 'set-secret', 'gw', '--stdin'], { stdin: 's3cret\n' })
    expect(stored).toEqual({
      exitCode: 0,
      stdout: 'Stored the client secret: gw\n',
      stderr: '  → catchd login gw\n',
    })
    expect(daemon.asked.at(-1)?.body).toEqual({ ...configuration, client_secret: 's3cret' })
  })

  test('an empty stdin is no secret', async () => {
    const daemon = await fakeDaemon(empty)
    const { exitCode } = await run(daemon, ['profile', 'add', 'gw', '--client-secret-stdin'], { stdin: '\n' })
    expect(exitCode).toBe(2)
    expect(daemon.calls).not.toContain('PUT /v1/profiles/gw')
  })

  test('a secret on the command line is refused, and not repeated', async () => {
    const daemon = await fakeDaemon(empty)
    const { exitCode, stdout, stderr } = await run(daemon, [
      'profile',
      'add',
      'gw',
      '--client-secret',
      'hunter2',
    ])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain('--client-secret-stdin')
    expect(stderr).not.toContain('hunter2')
    expect(daemon.calls).toEqual([])
  })

  test('an existing profile is kept, unless --replace', async () => {
    const daemon = await fakeDaemon({
      ...empty,
      'GET /v1/profiles/gw': { body: answer({ client_id: 'old' }) },
    })
    const refused = await run(daemon, ['profile', 'add', 'gw', '--client-id', 'new'])
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('--replace')
    expect(daemon.calls).not.toContain('PUT /v1/profiles/gw')
    const replaced = await run(daemon, ['profile', 'add', 'gw', '--client-id', 'new', '--replace'])
    expect(replaced).toMatchObject({ exitCode: 0, stdout: 'Replaced: gw\n' })
  })

  test('what the daemon objects to is exit code 7', async () => {
    const refusal = problem('profile_invalid', 422, { detail: 'Set client_id.', profile: 'gw' })
    const daemon = await fakeDaemon({ ...empty, 'PUT /v1/profiles/gw': refusal })
    const { exitCode, stderr } = await run(daemon, ['profile', 'add', 'gw'])
    expect(exitCode).toBe(7)
    expect(stderr).toContain('Set --client-id. The profile was not saved.')
  })

  test('what is wrong with a key is said of its option', async () => {
    const errors = [
      { in: 'body', name: 'issuer', detail: 'must be an http or https URL' },
      { in: 'path', name: 'profile', detail: 'must be 1 to 64 of a-z' },
      { in: 'body', name: 'no_option', detail: 'ends with a full stop.' },
    ]
    const daemon = await fakeDaemon({
      ...empty,
      'PUT /v1/profiles/gw': problem('request_invalid', 400, { errors }),
    })
    const { exitCode, stderr } = await run(daemon, ['profile', 'add', 'gw', '--issuer', 'x'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('--issuer must be an http or https URL. The name must be 1 to 64 of a-z.')
    expect(stderr).toContain(' no_option ends with a full stop.\n')
    expect(stderr).toContain('→ catchd profile add --help')
  })

  test('a near miss of a key gets a suggestion', async () => {
    const daemon = await fakeDaemon(empty)
    const { exitCode, stderr } = await run(daemon, ['profile', 'add', 'gw', '--cleint-id', 'x'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain("Did you mean '--client-id'?")
  })
})

describe('profile list, show, remove', () => {
  const profiles = [
    {
      ...answer({ issuer: 'https://id.example.com/x' }),
      profile: 'corp',
      status: 'logged_in',
      expires_at: '2099-01-01T00:00:00Z',
      login_needed_at: '2099-01-02T00:00:00Z',
    },
    {
      ...answer({ preset: 'github' }),
      profile: 'a-long-name',
      login_needed_at: '2026-01-01T00:00:00Z',
    },
    { ...answer({ extends: 'corp' }), profile: 'other', status: 'logged_in' },
  ]

  test('list is a table with aligned columns', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles } } })
    const { stdout } = await run(daemon, ['profile', 'list'])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe('NAME         SERVER          STATUS          TOKEN EXPIRES  LOGIN NEEDED')
    expect(lines[1]).toMatch(/^corp {9}id\.example\.com {2}logged in {7}in \d+ d {5,7}in \d+ d$/)
    expect(lines[2]).toBe('a-long-name  github          login required  -              now')
    expect(lines[3]).toBe('other        as corp         logged in       unknown        -')
  })

  test('a refresh that keeps failing is shown with its beginning and the code, until a login is needed', async () => {
    const since = new Date(Date.now() - 3 * 3_600_000).toISOString()
    const error = { code: 'provider_refused', detail: null, error: 'forbidden', error_description: null }
    const failing = { ...profiles[0], refresh_failing: { since, error } }
    const daemon = await fakeDaemon({
      'GET /v1/profiles': { body: { profiles: [failing, { ...failing, status: 'expired' }] } },
    })
    const lines = (await run(daemon, ['profile', 'list'])).stdout.split('\n')
    expect(lines[1]).toContain('refresh failed, first 3 h ago (provider_refused, forbidden)')
    expect(lines[2]).toContain('expired')
  })

  test('list --json is what the API says', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles } } })
    const { stdout } = await run(daemon, ['profile', 'list', '--json'])
    expect(JSON.parse(stdout)).toEqual({ profiles })
  })

  test('show prints JSON', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/profiles/gw': { body: answer({ client_id: 'c' }) } })
    const { stdout } = await run(daemon, ['profile', 'show', 'gw'])
    expect(JSON.parse(stdout)).toEqual(answer({ client_id: 'c' }))
  })

  test('remove removes; an unknown one is exit code 7 with the daemon’s suggestion', async () => {
    const detail = 'There is no profile "wg". Did you mean "gw"?'
    const daemon = await fakeDaemon({
      'DELETE /v1/profiles/gw': {},
      'DELETE /v1/profiles/wg': problem('profile_unknown', 404, { detail }),
    })
    expect(await run(daemon, ['profile', 'remove', 'gw'])).toMatchObject({
      exitCode: 0,
      stdout: 'Removed: gw\n',
    })
    const unknown = await run(daemon, ['profile', 'remove', 'wg'])
    expect(unknown.exitCode).toBe(7)
    expect(unknown.stderr).toContain('Did you mean "gw"?')
  })
})

describe('profile edit', () => {
  /** An editor that writes what it was told to. */
  async function editor(home: string, text: string): Promise<string> {
    const source = join(home, 'new text')
    await writeFile(source, text)
    return `cp '${source}'`
  }

  test('opens a file with a skeleton, and takes what was saved', async () => {
    const daemon = await fakeDaemon()
    const seen = join(daemon.home, 'seen')
    const { exitCode, stdout } = await run(daemon, ['profile', 'edit'], {
      env: { EDITOR: `sh -c 'cp "$1" "${seen}"' sh` },
    })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('config.jsonc is valid: 0 profiles.')
    expect(await readFile(seen, 'utf8')).toContain('"profiles": {}')
  })

  test('VISUAL goes before EDITOR; a file with a mistake is exit code 7, naming the line', async () => {
    const daemon = await fakeDaemon()
    const { exitCode, stderr } = await run(daemon, ['profile', 'edit'], {
      env: {
        VISUAL: await editor(daemon.home, '{\n  "profiles": { "gw": { "scoope": "x" } }\n}\n'),
        EDITOR: 'false',
      },
    })
    expect(exitCode).toBe(7)
    expect(stderr).toContain('config.jsonc:2:')
    expect(stderr).toContain('scope')
  })

  test('a profile that cannot be used is exit code 7, too', async () => {
    const daemon = await fakeDaemon()
    const { exitCode, stderr } = await run(daemon, ['profile', 'edit'], {
      env: { EDITOR: await editor(daemon.home, '{"profiles":{"gw":{"scope":"x"}}}') },
    })
    expect(exitCode).toBe(7)
    expect(stderr).toContain('gw')
  })

  test('a name that is not there is refused before the editor opens', async () => {
    const daemon = await fakeDaemon()
    writeFileSync(
      join(daemon.home, 'config.jsonc'),
      '{"profiles":{"gw":{"issuer":"https://id.example","client_id":"c"}}}',
    )
    const { exitCode, stderr } = await run(daemon, ['profile', 'edit', 'gww'], { env: { EDITOR: 'false' } })
    expect(exitCode).toBe(7)
    expect(stderr).toContain('Did you mean "gw"?')
  })

  test.each([
    ['without an editor and without a terminal', {}],
    ['with an editor that fails', { EDITOR: 'false' }],
  ])('%s it says so', async (_name, env) => {
    const daemon = await fakeDaemon()
    const { exitCode, stdout } = await run(daemon, ['profile', 'edit'], { env })
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  })
})
