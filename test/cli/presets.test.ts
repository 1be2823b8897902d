import { describe, expect, test } from 'vitest'
import { PRESETS } from '../../src/config/presets.js'
import { fakeDaemon, run } from './run.js'

test('presets lists every known server and what it needs, without a daemon', async () => {
  const daemon = await fakeDaemon()
  const { exitCode, stdout } = await run(daemon, ['presets'])
  expect(exitCode).toBe(0)
  const lines = stdout.trimEnd().split('\n').slice(1)
  expect(lines.map((line) => line.split(' ')[0])).toEqual(PRESETS.map(({ name }) => name))
  const lineOf = (name: string) => lines.find((line) => line.startsWith(`${name} `))
  expect(lineOf('webmethods')).toMatch(/webMethods API Gateway +client_id +asked for$/)
  expect(lineOf('gitlab')).toMatch(/GitLab +client_id +https:\/\/gitlab\.com, or yours$/)
  expect(lineOf('notion')).toMatch(/Notion +client_id, client_secret$/)
  expect(daemon.calls).toEqual([])
})

describe('presets NAME', () => {
  test('shows what it sets, what to register and what to run', async () => {
    const { stdout } = await run(await fakeDaemon(), ['presets', 'webmethods'])
    expect(stdout).toContain('"refresh_endpoint": "{base}/invoke/pub.oauth/refreshAccessToken"')
    expect(stdout).toMatch(/redirect URI +http:\/\/127\.0\.0\.1:8252\/callback\/webmethods$/m)
    expect(stdout).toContain(
      'catchd profile add webmethods --preset webmethods --base-url https://HOST:PORT --client-id ID\n',
    )
  })

  test.each([
    ['spotify', /redirect URI +http:\/\/127\.0\.0\.1\/callback\/spotify \(any port/],
    ['spotify', /refused +http:\/\/localhost\. Use 127\.0\.0\.1/],
    ['entra', /redirect URI +http:\/\/localhost\/callback\/entra \(any port/],
    ['google', /redirect URI +need not be registered/],
    ['google', /--client-id ID --scope SCOPES --client-secret-stdin < FILE$/m],
    ['gmail', /--client-id ID --client-secret-stdin < FILE$/m],
    ['gmail', /"scope": "https:\/\/mail\.google\.com\/"$/m],
    [
      'entra',
      /--base-url https:\/\/login\.microsoftonline\.com\/TENANT_ID --client-id ID --scope api:\/\/API_CLIENT_ID\/\.default$/m,
    ],
    ['github', /"token_username": "x-access-token"$/m],
    ['quickbooks', /redirect URI +https:\/\/HOST\/callback$/m],
    [
      'quickbooks',
      /refused +http:\/\/127\.0\.0\.1, http:\/\/localhost, http:\/\/\[::1\]\. Set redirect_uri to an https/,
    ],
    ['quickbooks', /--redirect-uri https:\/\/HOST\/callback --listen 127\.0\.0\.1:PORT/],
  ])('%s says %s', async (name, text) => {
    expect((await run(await fakeDaemon(), ['presets', name])).stdout).toMatch(text)
  })

  test('--json gives the row with the redirect URI and the command', async () => {
    const { stdout } = await run(await fakeDaemon(), ['presets', 'github', '--json'])
    expect(JSON.parse(stdout)).toEqual({
      ...PRESETS.find(({ name }) => name === 'github'),
      redirect_uri: 'http://127.0.0.1/callback/github',
      command: 'catchd profile add github --preset github --client-id ID --client-secret-stdin < FILE',
    })
  })

  test('with a redirect port of its own', async () => {
    const environment = { env: { CATCHD_REDIRECT_PORT: '9000' } }
    const { stdout } = await run(await fakeDaemon(), ['presets', 'slack'], environment)
    expect(stdout).toMatch(/redirect URI +http:\/\/localhost:9000\/callback\/slack$/m)
  })
})

test('a near miss gets a suggestion', async () => {
  const daemon = await fakeDaemon()
  const { exitCode, stdout, stderr } = await run(daemon, ['presets', 'webmethod'])
  expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' })
  expect(stderr).toContain('Did you mean "webmethods"?')
})
