/** `--id-token`: one option, and the same id_token whichever command lends it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CREDENTIAL_TOOLS } from '../../src/cli/credential/credential.js'
import { readSimpleTokenCommand } from '../../src/fast-path/quick-token.js'
import { problem } from '../client/fake-daemon.js'
import { startStsStub, stsError } from '../support/sts-stub.js'
import { fakeDaemon, run } from './run.js'

const ID_TOKEN = {
  id_token: 'idt-1',
  expires_in: 300,
  expires_at: '2026-11-23T15:00:00Z',
  issuer: 'https://id.example',
  subject: 'ada',
  profile: 'gw',
}
const PATH = 'GET /v1/tokens/gw/id_token'

/** Has no access token to lend: who asks for one gets a 404. */
const daemon = (more = {}) => fakeDaemon({ [PATH]: { body: ID_TOKEN }, ...more })

describe('catchd token', () => {
  test.each([
    ['raw', 'idt-1\n'],
    ['header', 'Authorization: Bearer idt-1\n'],
    ['env', "ID_TOKEN='idt-1'\nID_TOKEN_EXPIRES_AT='2026-11-23T15:00:00Z'\n"],
    ['json', `${JSON.stringify(ID_TOKEN)}\n`],
  ])('%s', async (format, stdout) => {
    const words = ['token', 'gw', '--id-token', '--format', format, '--min-ttl', '30']
    const fake = await daemon()
    expect(await run(fake, words)).toEqual({ exitCode: 0, stdout, stderr: '' })
    expect(fake.asked.map(({ query }) => query)).toEqual([{ min_ttl: '30' }])
  })

  test('goes the long way, wherever the option stands', () => {
    for (const words of [
      ['gw', '--id-token'],
      ['--id-token', 'gw'],
    ]) {
      expect(readSimpleTokenCommand(words)).toBeUndefined()
    }
  })

  test('--login waits for the shared login and asks for the id_token again', async () => {
    let loggedIn = false
    const pending = { login_id: 'l-1', authorization_url: 'https://id.example/authorize' }
    const fake = await daemon({
      [PATH]: () => (loggedIn ? { body: ID_TOKEN } : problem('login_required', 409, pending)),
      'GET /v1/logins/l-1': () => {
        loggedIn = true
        return { body: { login_id: 'l-1', profile: 'gw', status: 'succeeded', error: null } }
      },
    })
    const { exitCode, stdout } = await run(fake, ['token', 'gw', '--id-token', '--login'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'idt-1\n' })
    expect(fake.asked.map(({ query }) => query['login'])).toEqual(['auto', undefined, undefined])
  })

  test('a profile without one: exit code 7, nothing on stdout, the cause and the next command on stderr', async () => {
    const detail =
      'There is no id_token for this profile: `openid` is not in its scope. Add it and log in again.'
    const next = 'catchd profile edit gw'
    const fake = await daemon({ [PATH]: problem('profile_invalid', 422, { detail, next, profile: 'gw' }) })
    const { exitCode, stdout, stderr } = await run(fake, ['token', 'gw', '--id-token'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' })
    expect(stderr).toContain(detail)
    expect(stderr).toContain(`→ ${next}`)
  })
})

describe('catchd credential', () => {
  test.each([
    [['credential', '--profile', 'gw', '--id-token', 'kubectl']],
    [['credential', '--profile', 'gw', 'kubectl', '--id-token']],
  ])('kubectl: its end is that of the id_token (%j)', async (words) => {
    const { stdout } = await run(await daemon(), words)
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'ExecCredential',
      status: { token: 'idt-1', expirationTimestamp: ID_TOKEN.expires_at },
    })
  })

  test('gcp', async () => {
    const type = 'urn:ietf:params:oauth:token-type:id_token'
    const env = { GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE: type }
    const { stdout } = await run(await daemon(), ['credential', '--profile', 'gw', '--id-token', 'gcp'], {
      env,
    })
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      success: true,
      token_type: type,
      id_token: 'idt-1',
      expiration_time: Date.parse(ID_TOKEN.expires_at) / 1000,
    })
  })

  test('aws: exchanged for credentials, and refreshed once where STS finds it too old', async () => {
    const sts = await startStsStub((token) => token.startsWith('idt-'))
    let current = ID_TOKEN
    const fake = await daemon({
      [PATH]: () => ({ body: current }),
      'POST /v1/tokens/gw/refresh': () => {
        current = { ...ID_TOKEN, id_token: 'idt-2' }
        return { body: {} }
      },
    })
    try {
      sts.answerNext(400, stsError('ExpiredTokenException', 'Token expired'))
      const words = ['credential', '--profile', 'gw', '--id-token', 'aws', '--endpoint-url', sts.url]
      const arn = 'arn:aws:iam::123456789012:role/deploy'
      const { exitCode, stdout, stderr } = await run(fake, [...words, '--role-arn', arn])
      expect(exitCode, stderr).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ Version: 1, AccessKeyId: expect.stringMatching(/^ASIA/) })
      expect(sts.requests.map((form) => form.get('WebIdentityToken'))).toEqual(['idt-1', 'idt-2'])
    } finally {
      await sts.close()
    }
  })

  const others = Object.keys(CREDENTIAL_TOOLS).filter((name) => !CREDENTIAL_TOOLS[name]?.takesIdToken)
  test.each(others)('%s takes none: a usage error, and nothing is asked', async (name) => {
    const fake = await daemon()
    const words = ['credential', '--profile', 'gw', '--user', 'me', '--id-token', name]
    const { exitCode, stdout, stderr } = await run(fake, words)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(`${name} does not support one of the given options.`)
    expect(fake.asked).toEqual([])
  })
})

describe('catchd keep', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'catchd-keep-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('the file holds the id_token alone while the command runs', async () => {
    const [path, copy] = [join(folder, 'token'), join(folder, 'copy')]
    const words = ['keep', 'gw', '--id-token', '--file', path, '--', 'cp', path, copy]
    const fake = await daemon()
    expect(await run(fake, words)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(copy, 'utf8')).toBe('idt-1')
    expect(fake.asked[0]?.query).toEqual({ min_ttl: '120' })
  })
})
