/**
 * The whole program on a real keyring: where the token set rests, that it survives `kill -9`, what a locked or
 * frozen keyring does meanwhile, and that a logout takes everything away.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { startGateway } from '../../src/demo/gateway.js'
import { startDaemon } from '../support/daemon.js'
import { type Keyring, keyringReason, startKeyring } from '../support/keyring.js'

const run = promisify(execFile)
const cleanUps: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(vault: 'auto' | 'keychain' = 'auto') {
  const keyring = await startKeyring()
  cleanUps.push(() => keyring.stop())
  const gateway = await startGateway({ rotateRefreshTokens: true })
  cleanUps.push(() => gateway.close())
  const { HOME: _home, ...session } = keyring.env
  const daemon = await startDaemon({
    env: { ...session, CATCHD_VAULT: vault, GW_SECRET: gateway.clientSecret ?? '' },
    config: {
      profiles: {
        gw: {
          preset: 'webmethods',
          base_url: gateway.baseUrl,
          client_id: gateway.clientId,
          client_secret: { env: 'GW_SECRET' },
          scope: 'email',
        },
      },
    },
  })
  cleanUps.push(() => daemon.stop())
  gateway.allowRedirectUri(daemon.redirectUri('gw'))
  const [user] = gateway.users
  const login = () => daemon.login('gw', (url) => approve(url, { user: user.name, password: user.password }))
  return { keyring, gateway, daemon, login }
}

/** What `secret-tool` finds of catchd, with secrets. */
async function found(keyring: Keyring): Promise<string> {
  const options = { env: { ...keyring.env, PATH: process.env['PATH'] ?? '' } }
  const { stdout, stderr } = await run(
    'secret-tool',
    ['search', '--all', '--unlock', 'xdg:schema', 'org.freedesktop.Secret.Generic'],
    options,
  ).catch((error: { stdout: string; stderr: string }) => error)
  return stdout + stderr
}

describe.skipIf(keyringReason !== undefined)('on a real keyring', () => {
  test('the token set is in the keyring, survives kill -9 and is gone after logout', async () => {
    const { keyring, daemon, login, gateway } = await start()
    expect((await login()).login).toMatchObject({ status: 'succeeded' })
    const status = await daemon.api('GET', '/v1/status')
    expect(status.json['vault']).toMatchObject({ kind: 'keychain', health: 'ok', unsaved: [] })
    const token = String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'])
    expect(await found(keyring)).toContain(token)
    expect(await found(keyring)).toContain('token-set/gw')

    await daemon.restart('SIGKILL')
    await keyring.revive()
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['access_token']).toBe(token)
    expect(gateway.counts.codesRedeemedTwice).toBe(0)

    expect((await daemon.api('DELETE', '/v1/tokens/gw')).status).toBe(204)
    const left = await found(keyring)
    expect(left).not.toContain(token)
    expect(left).not.toContain('token-set/gw')
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['code']).toBe('login_required')
  })

  test('locked after a restart: vault_locked, nothing deleted, served again once unlocked', async () => {
    const { keyring, daemon, login } = await start()
    await login()
    const token = (await daemon.api('GET', '/v1/tokens/gw')).json['access_token']
    await keyring.lock()
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'], 'cached').toBe(token)
    await daemon.restart()
    const locked = await daemon.api('GET', '/v1/tokens/gw')
    expect(locked.json['code']).toBe('vault_locked')
    await keyring.unlock()
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['access_token']).toBe(token)
  })

  test('frozen: cached tokens and status go on, a rotated token set is served, unsaved, and stored when it thaws', async () => {
    const { keyring, daemon, login } = await start()
    await login()
    const first = (await daemon.api('GET', '/v1/tokens/gw')).json['access_token']
    keyring.freeze()
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['access_token']).toBe(first)
    const refreshed = await daemon.api('POST', '/v1/tokens/gw/refresh')
    expect(refreshed.status, refreshed.text).toBe(200)
    expect(refreshed.json['access_token']).not.toBe(first)
    const unsaved = async () =>
      ((await daemon.api('GET', '/v1/status')).json['vault'] as { unsaved: string[] }).unsaved
    expect(await unsaved()).toEqual(['gw'])
    keyring.thaw()
    await expect.poll(unsaved, { interval: 100 }).toEqual([])
    await daemon.restart('SIGKILL')
    await keyring.revive()
    const after = await daemon.api('GET', '/v1/tokens/gw')
    expect(after.json['access_token']).toBe(refreshed.json['access_token'])
  })

  test('a callback that comes while the keyring is frozen is redeemed; success is not said before it is stored', async () => {
    const { keyring, daemon, gateway } = await start()
    const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw' } })
    const [user] = gateway.users
    const response = await approve(String(begun.json['authorization_url']), {
      user: user.name,
      password: user.password,
    })
    keyring.freeze()
    const redirected = await daemon.follow(response)
    expect(redirected.status).toBe(303)
    const login = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)
    expect(login.json).toMatchObject({ status: 'failed', error: { code: 'vault_unavailable' } })
    const token = await daemon.api('GET', '/v1/tokens/gw')
    expect(token.status, token.text).toBe(200)
    keyring.thaw()
  })

  test('vault migrate moves everything to the sealed file and back', async () => {
    const { keyring, daemon, login } = await start()
    await login()
    const token = String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'])
    const moved = await daemon.cli(['vault', 'migrate', '--to', 'file'])
    expect(moved.exitCode, moved.stderr).toBe(0)
    expect(await found(keyring)).not.toContain(token)
    await daemon.restart()
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['access_token']).toBe(token)
    expect((await daemon.api('GET', '/v1/status')).json['vault']).toMatchObject({ kind: 'file' })
    const back = await daemon.cli(['vault', 'migrate', '--to', 'keychain'])
    expect(back.exitCode, back.stderr).toBe(0)
    expect(await found(keyring)).toContain(token)
  })
})
