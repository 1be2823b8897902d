/**
 * People are told: by a hook and on the desktop when a login is needed, and after a logout of what the
 * authorization server does not know. On the built program.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { PROGRAM } from '../support/program.js'
import { type SeedSystem, type SeedSystemOptions, startSeedSystem } from '../support/seed-system.js'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(options: SeedSystemOptions = {}): Promise<SeedSystem> {
  const system = await startSeedSystem(options)
  cleanups.push(() => system.stop())
  return system
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'catchd-notices-'))
  cleanups.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Changes the configuration as a person does, in the file, while the daemon runs; a new profile shows that it is read. */
async function configure(
  { daemon }: SeedSystem,
  change: (config: Config) => Partial<Config> & object,
): Promise<void> {
  const config: Config = JSON.parse(readFileSync(daemon.configPath, 'utf8'))
  const changed = { ...config, ...change(config) }
  saves += 1
  const marker = `save-${saves}`
  await daemon.writeConfig({ ...changed, profiles: { ...changed.profiles, [marker]: config.profiles.gw } })
  const giveUpAtMs = Date.now() + 10_000
  const path = `/v1/profiles/${marker}`
  while ((await daemon.api('GET', path)).status !== 200 && Date.now() < giveUpAtMs) await delay(10)
}
let saves = 0

interface Config {
  readonly profiles: { readonly gw: Readonly<Record<string, unknown>> }
}

/** Those that are written to their end: a file that was only just made has none. */
function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1)
  } catch {
    return []
  }
}

async function untilLines(file: string, count: number): Promise<string[]> {
  const giveUpAtMs = Date.now() + 10_000
  while (linesOf(file).length < count && Date.now() < giveUpAtMs) await delay(20)
  return linesOf(file)
}

/** A hook that runs catchd itself, and writes down what it was given and what that said. */
const HOOK = `
  const { execFileSync } = require('node:child_process')
  const [program, file] = process.argv.slice(1)
  const status = JSON.parse(execFileSync(process.execPath, [program, 'status', '--json'], { encoding: 'utf8' }))
  const seen = { environment: process.env, pid: status.pid }
  require('node:fs').appendFileSync(file, JSON.stringify(seen) + '\\n')
`

const refusedOnce = { status: 400, body: '{"error":"invalid_grant","error_description":"canary-text"}' }

describe('a refresh token that the server does not accept any more', () => {
  test('runs the hook once, also over a restart; status says that a login is needed now', async () => {
    const system = await start({
      rotateRefreshTokens: true,
      env: { CATCHD_VAULT: 'file', HTTPS_PROXY_PASSWORD: 'canary-proxy' },
    })
    const { daemon, gateway } = system
    const file = join(folder(), 'told')
    await configure(system, () => ({
      hooks: { login_required: [process.execPath, '-e', HOOK, PROGRAM, file] },
    }))
    await system.login()
    expect((await daemon.api('GET', '/v1/profiles/gw')).json['login_needed_at']).toBeNull()

    gateway.failNext(refusedOnce)
    expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).json['code']).toBe('login_required')
    const [told = ''] = await untilLines(file, 1)
    const { environment, pid } = JSON.parse(told)
    expect(pid).toBe(daemon.pid)
    expect(environment).toMatchObject({
      CATCHD_PROFILE: 'gw',
      CATCHD_REASON: 'refused',
      CATCHD_NEEDED_AT: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      CATCHD_HOME: daemon.home,
    })
    expect(told).not.toContain('canary')
    expect(told).not.toContain(gateway.clientSecret)

    const { json } = await daemon.api('GET', '/v1/profiles/gw')
    expect(Date.parse(String(json['login_needed_at']))).toBeLessThanOrEqual(Date.now())
    expect((await daemon.cli(['status'])).stdout).toMatch(/LOGIN NEEDED\ngw .+ now\n/)

    await daemon.restart()
    for (let call = 0; call < 3; call++) await daemon.api('GET', '/v1/tokens/gw')
    await delay(300)
    expect(linesOf(file)).toHaveLength(1)
    expect(readFileSync(join(daemon.home, 'state', 'notices.json'), 'utf8')).not.toContain('canary')
  })

  test.skipIf(process.platform !== 'linux')('shows on the desktop, where there is one', async () => {
    const commands = folder()
    const file = join(commands, 'shown')
    const script = `#!/bin/sh\nprintf '%s|' "$@" >> '${file}'\necho >> '${file}'\n`
    writeFileSync(join(commands, 'notify-send'), script, { mode: 0o755 })
    const system = await start({
      rotateRefreshTokens: true,
      env: { PATH: `${commands}:${process.env['PATH']}` },
    })
    await configure(system, () => ({ notify: { desktop: true } }))
    await system.login()
    system.gateway.failNext(refusedOnce)
    await system.daemon.api('POST', '/v1/tokens/gw/refresh')
    expect(await untilLines(file, 1)).toEqual([
      '--app-name=catchd|Login needed: gw|The authorization server no longer accepts its refresh token. Run: catchd login gw|',
    ])
  })
})

test('tokens that cannot be refreshed: the hook runs when they expire, after a hook that cannot be run', async () => {
  const system = await start({ accessTokenLifetimeSeconds: 3, profile: { min_ttl_seconds: 0 } })
  const { daemon } = system
  const file = join(folder(), 'told')
  await configure(system, () => ({ hooks: { login_required: ['/nonexistent/hook'] } }))
  await system.login()
  const { json } = await daemon.api('GET', '/v1/profiles/gw')
  expect(json['login_needed_at']).toBe(json['expires_at'])
  const log = join(daemon.home, 'state', 'catchd.log')
  const failures = () => linesOf(log).filter((line) => line.includes('"notice.failed"'))
  const giveUpAtMs = Date.now() + 10_000
  while (failures().length === 0 && Date.now() < giveUpAtMs) await delay(50)
  expect(failures()).toEqual([expect.stringMatching(/"by":"hook","failure":"ENOENT"/)])

  const script = 'require("fs").appendFileSync(process.argv[1], process.env.CATCHD_REASON + "\\n")'
  await configure(system, () => ({ hooks: { login_required: [process.execPath, '-e', script, file] } }))
  await system.login()
  expect(await untilLines(file, 1)).toEqual(['expired'])
})

test.each([
  ['while its token was good', 4, 200],
  ['after it had expired', 1, 409],
])(
  'a hook that comes after the login hears of the profile when it is used, %s',
  async (_name, seconds, status) => {
    const system = await start({ accessTokenLifetimeSeconds: seconds, profile: { min_ttl_seconds: 0 } })
    const { daemon } = system
    const file = join(folder(), 'told')
    await system.login()
    if (status !== 200) await delay(seconds * 1000)
    const script = 'require("fs").appendFileSync(process.argv[1], process.env.CATCHD_REASON + "\\n")'
    await configure(system, () => ({ hooks: { login_required: [process.execPath, '-e', script, file] } }))
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(status)
    expect(await untilLines(file, 1)).toEqual(['expired'])
  },
)

describe('a logout that the authorization server cannot be told of is done, and says so', () => {
  const revocationServer = async (status: number) => {
    const server = createServer((_request, response) => response.writeHead(status).end('{"error":"x"}'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/revoke`
  }

  test.each<[string, RegExp, (system: SeedSystem) => Promise<unknown>]>([
    ['the server is down', /cannot be reached|refused|connection/i, ({ gateway }) => gateway.close()],
    [
      'it answers 400',
      /answered 400/,
      async (system) => {
        const revocation_endpoint = await revocationServer(400)
        await configure(system, ({ profiles: { gw } }) => ({
          profiles: { gw: { ...gw, revocation_endpoint } },
        }))
        await system.login() // the tokens before were not for this endpoint
      },
    ],
    [
      'no revocation endpoint is known',
      /No revocation endpoint/,
      async (system) => {
        const { gateway } = system
        await configure(system, ({ profiles: { gw } }) => {
          const { preset, base_url, ...rest } = gw
          const token_endpoint = `${gateway.baseUrl}/invoke/pub.apigateway.oauth2/getAccessToken`
          const authorization_endpoint = `${gateway.baseUrl}/invoke/pub.apigateway.oauth2/authorize`
          return { profiles: { gw: { ...rest, token_endpoint, authorization_endpoint } } }
        })
      },
    ],
  ])('%s', async (_name, reason, arrange) => {
    const system = await start()
    const { daemon } = system
    await system.login()
    await arrange(system)
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)

    const logout = await daemon.cli(['logout', 'gw', '--json'])
    expect(logout.exitCode, logout.stderr).toBe(0)
    expect(JSON.parse(logout.stdout)).toEqual({
      profile: 'gw',
      status: 'login_required',
      revoked: false,
      not_revoked: expect.stringMatching(reason),
    })
    expect(logout.stderr).toMatch(
      /^The tokens were not revoked at the authorization server: .+ They stay valid until in /,
    )
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['code']).toBe('login_required')

    const again = await daemon.api('DELETE', '/v1/tokens/gw')
    expect([again.status, again.text]).toEqual([204, ''])
    expect(again.headers['catchd-revoked']).toBe('false')
    expect(again.headers).not.toHaveProperty('catchd-not-revoked')
  })

  test('and one that it was told of says nothing more', async () => {
    const { daemon, login, gateway } = await start()
    await login()
    expect(await daemon.cli(['logout', 'gw'])).toMatchObject({
      exitCode: 0,
      stdout: 'Logged out: gw\n',
      stderr: '',
    })
    expect(gateway.counts.revocations).toBeGreaterThan(0)
  })
})
