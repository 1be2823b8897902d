/**
 * Vault trouble while the built daemon runs: a keyring that is locked, frozen, killed or emptied from outside, a
 * disk that is full, a vault file that is damaged or unknown. What is in memory is served, nothing stored is lost,
 * and nobody restarts anything.
 *
 * Chunks torn by a crash are test/vault/keychain-vault.test.ts, the single steps of a write
 * test/vault/sealed-file-vault.test.ts.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { type Gateway, startGateway } from '../../src/demo/gateway.js'
import { type ApiAnswer, type Daemon, startDaemon } from '../support/daemon.js'
import { type Keyring, keyringReason, startKeyring } from '../support/keyring.js'
import { mountSmallDisk, smallDiskReason } from '../support/small-disk.js'

const execute = promisify(execFile)

/** "An error within 2 seconds", ten times over for a busy machine; test/vault/keychain-outages.test.ts holds the clock. */
const REFUSED_WITHIN_MS = 20_000
/** What waits for a keyring waits that long at least. */
const KEYRING_ANSWERS_WITHIN_MS = 1_700

const cleanUps: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

interface Scene {
  readonly daemon: Daemon
  readonly gateway: Gateway
  readonly login: (profile: string) => Promise<void>
  readonly approved: (authorizationUrl: string) => Promise<string>
}

async function start(env: Readonly<Record<string, string>>, home?: string): Promise<Scene> {
  const gateway = await startGateway({ rotateRefreshTokens: true })
  cleanUps.push(() => gateway.close())
  const profile = {
    preset: 'webmethods',
    base_url: gateway.baseUrl,
    client_id: gateway.clientId,
    client_secret: { env: 'GW_SECRET' },
    scope: 'email',
  }
  const daemon = await startDaemon({
    env: { ...env, GW_SECRET: gateway.clientSecret ?? '' },
    config: { profiles: { gw: profile, other: profile } },
    ...(home === undefined ? {} : { home }),
  })
  cleanUps.push(() => daemon.stop())
  for (const name of ['gw', 'other']) gateway.allowRedirectUri(daemon.redirectUri(name))
  const [{ name: user, password }] = gateway.users
  const approved = (url: string) => approve(url, { user, password })
  return {
    daemon,
    gateway,
    approved,
    async login(name) {
      expect((await daemon.login(name, approved)).login).toMatchObject({ status: 'succeeded' })
    },
  }
}

async function startOnKeyring(): Promise<Scene & { keyring: Keyring }> {
  const keyring = await startKeyring()
  cleanUps.push(() => keyring.stop())
  const { HOME: _home, ...session } = keyring.env
  return { keyring, ...(await start({ ...session, CATCHD_VAULT: 'keychain' })) }
}

const tokenOf = ({ json }: ApiAnswer) => String(json['access_token'])

/** After a restart the daemon starts its keyring process first, which a busy machine may not do within the deadline. */
async function readIntoMemory(daemon: Daemon, profile: string): Promise<string> {
  let answer: ApiAnswer | undefined
  const read = async () => {
    answer = await daemon.api('GET', `/v1/tokens/${profile}`)
    return answer.status
  }
  await expect.poll(read, { interval: 100 }).toBe(200)
  return tokenOf(answer as ApiAnswer)
}

interface VaultStatus {
  readonly health: string
  readonly unsaved: readonly string[]
}

async function vaultOf(daemon: Daemon): Promise<VaultStatus> {
  return (await daemon.api('GET', '/v1/status')).json['vault'] as VaultStatus
}

async function timed<T>(act: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const begin = performance.now()
  const result = await act()
  return { ms: performance.now() - begin, result }
}

const median = (values: readonly number[]) =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)]

/** Status and a cached token, asked again and again while the vault is in trouble. */
async function askAtOnce(daemon: Daemon, what: string): Promise<void> {
  const statusMs: number[] = []
  const tokenMs: number[] = []
  for (let round = 0; round < 20; round += 1) {
    const status = await timed(() => daemon.api('GET', '/v1/status'))
    const token = await timed(() => daemon.api('GET', '/v1/tokens/gw'))
    expect([status.result.status, token.result.status]).toEqual([200, 200])
    statusMs.push(status.ms)
    tokenMs.push(token.ms)
  }
  // One late answer may be the machine's; half of them is a keyring that is waited for.
  expect(median(statusMs), `status, ${what}`).toBeLessThan(KEYRING_ANSWERS_WITHIN_MS)
  expect(median(tokenMs), `cached token, ${what}`).toBeLessThan(KEYRING_ANSWERS_WITHIN_MS)
}

describe.skipIf(keyringReason !== undefined)('a keyring in trouble while the daemon runs', () => {
  test('locked: what is in memory is served, the rest is vault_locked in time, and unlocked it goes on', async () => {
    const { keyring, daemon, login } = await startOnKeyring()
    await login('gw')
    await login('other')
    const stored = tokenOf(await daemon.api('GET', '/v1/tokens/other'))
    await daemon.restart()
    const cached = await readIntoMemory(daemon, 'gw')

    await keyring.lock()
    const refused = await timed(() => daemon.api('GET', '/v1/tokens/other'))
    expect(refused.result).toMatchObject({ status: 503, json: { code: 'vault_locked' } })
    expect(refused.ms).toBeLessThan(REFUSED_WITHIN_MS)
    await askAtOnce(daemon, 'locked')
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/gw'))).toBe(cached)
    expect((await vaultOf(daemon)).health).toBe('locked')

    await keyring.unlock()
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/other'))).toBe(stored)
    await expect.poll(async () => (await vaultOf(daemon)).health).toBe('ok')
  })

  test('frozen: status and cached tokens at once, the rest vault_unavailable in time, and a callback is redeemed', async () => {
    const { keyring, gateway, daemon, login, approved } = await startOnKeyring()
    await login('gw')
    await login('other')
    await daemon.restart()
    await readIntoMemory(daemon, 'gw')
    const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw' } })
    const response = await approved(String(begun.json['authorization_url']))

    keyring.freeze()
    await askAtOnce(daemon, 'frozen')
    const refused = await timed(() => daemon.api('GET', '/v1/tokens/other'))
    expect(refused.result).toMatchObject({ status: 503, json: { code: 'vault_unavailable' } })
    expect(refused.ms).toBeLessThan(REFUSED_WITHIN_MS)

    expect((await daemon.follow(response)).status).toBe(303)
    const answered = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)
    expect(answered.json).toMatchObject({ status: 'failed', error: { code: 'vault_unavailable' } })
    await askAtOnce(daemon, 'frozen, with a token set that is unsaved')
    const served = tokenOf(await daemon.api('GET', '/v1/tokens/gw'))
    expect(await vaultOf(daemon)).toMatchObject({ health: 'unavailable', unsaved: ['gw'] })

    keyring.thaw()
    const unsaved = async () => (await vaultOf(daemon)).unsaved
    await expect.poll(unsaved, { interval: 100 }).toEqual([])
    await expect.poll(async () => (await vaultOf(daemon)).health).toBe('ok')
    await daemon.restart('SIGKILL')
    await keyring.revive()
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/gw'))).toBe(served)
    expect(gateway.counts.codesRedeemedTwice).toBe(0)
  })

  test('killed, and started again: everything is there without a restart of the daemon', async () => {
    const { keyring, daemon, login } = await startOnKeyring()
    await login('gw')
    await login('other')
    const stored = tokenOf(await daemon.api('GET', '/v1/tokens/other'))
    await daemon.restart()
    await readIntoMemory(daemon, 'gw')

    keyring.kill()
    const refused = await timed(() => daemon.api('GET', '/v1/tokens/other'))
    expect(refused.result).toMatchObject({ status: 503, json: { code: 'vault_unavailable' } })
    expect(refused.ms).toBeLessThan(REFUSED_WITHIN_MS)
    await askAtOnce(daemon, 'killed')
    expect((await vaultOf(daemon)).health).toBe('unavailable')

    await keyring.restart()
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/other'))).toBe(stored)
    await expect.poll(async () => (await vaultOf(daemon)).health).toBe('ok')
  })

  test('an item deleted from outside is one login_required, and a login makes it whole', async () => {
    const { keyring, daemon, login } = await startOnKeyring()
    await login('gw')
    const held = tokenOf(await daemon.api('GET', '/v1/tokens/gw'))
    await execute('secret-tool', ['clear', 'account', 'token-set/gw'], { env: keyring.env })
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/gw')), 'held in memory').toBe(held)

    await daemon.restart()
    const missing = await daemon.api('GET', '/v1/tokens/gw')
    expect(missing).toMatchObject({ status: 409, json: { code: 'login_required' } })
    expect(await vaultOf(daemon)).toMatchObject({ health: 'ok', unsaved: [] })
    await login('gw')
    await daemon.restart()
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)
  })

  test('a record of a version that is not known is refused and left alone, until a login replaces it', async () => {
    const { keyring, daemon, login } = await startOnKeyring()
    await login('gw')
    const item = ['xdg:schema', 'org.freedesktop.Secret.Generic', 'service', serviceOf(daemon)]
    const account = ['account', 'token-set/gw']
    const storing = execute('secret-tool', ['store', '--label=x', ...item, ...account], { env: keyring.env })
    storing.child.stdin?.end('{"version":2,"sealed":"unknown"}')
    await storing

    await daemon.restart()
    const refused = await daemon.api('GET', '/v1/tokens/gw')
    expect(refused).toMatchObject({ status: 503, json: { code: 'vault_unavailable' } })
    expect(refused.json['detail']).toContain('not have the format of this version')
    const { stdout } = await execute('secret-tool', ['lookup', ...item, ...account], { env: keyring.env })
    expect(stdout).toBe('{"version":2,"sealed":"unknown"}')
    await login('gw')
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)
  })
})

/** Items belong to one home (one vault service per CATCHD_HOME). */
function serviceOf({ home }: Daemon): string {
  return `catchd:${createHash('sha256').update(home).digest('hex').slice(0, 16)}`
}

describe.skipIf(smallDiskReason !== undefined)('a full disk under the sealed file vault', () => {
  test('a login ends in memory and says so, the old state stands, and all is stored once there is space', async () => {
    const disk = await mountSmallDisk()
    cleanUps.push(() => disk.unmount())
    const { daemon, login, approved } = await start({ CATCHD_VAULT: 'file' }, disk.folder)
    await login('gw')
    const first = tokenOf(await daemon.api('GET', '/v1/tokens/gw'))
    const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw' } })
    const response = await approved(String(begun.json['authorization_url']))
    const sealed = join(daemon.home, 'state', 'vault.sealed')
    const before = await readFile(sealed)

    await disk.fill()
    expect((await daemon.follow(response)).status).toBe(303)
    const answered = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)
    expect(answered.json).toMatchObject({ status: 'failed', error: { code: 'vault_unavailable' } })
    expect(answered.text).toContain('The disk is full: free some space.')
    const second = tokenOf(await daemon.api('GET', '/v1/tokens/gw'))
    expect(second).not.toBe(first)
    expect(await vaultOf(daemon)).toMatchObject({ health: 'unavailable', unsaved: ['gw'] })
    expect(await readFile(sealed)).toEqual(before)
    // A login that could not be remembered is not begun.
    const refused = await daemon.api('POST', '/v1/logins', { body: { profile: 'other' } })
    expect(refused).toMatchObject({ status: 503, json: { code: 'vault_unavailable' } })

    await disk.free()
    const unsaved = async () => (await vaultOf(daemon)).unsaved
    await expect.poll(unsaved, { interval: 100 }).toEqual([])
    expect((await vaultOf(daemon)).health).toBe('ok')
    await daemon.restart('SIGKILL')
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/gw'))).toBe(second)
  })

  test('killed while the disk is full, the state before is what is left', async () => {
    const disk = await mountSmallDisk()
    cleanUps.push(() => disk.unmount())
    const { daemon, login } = await start({ CATCHD_VAULT: 'file' }, disk.folder)
    await login('gw')
    await login('other')
    const other = tokenOf(await daemon.api('GET', '/v1/tokens/other'))
    await disk.fill()
    expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
    expect((await vaultOf(daemon)).unsaved).toEqual(['gw'])
    await daemon.kill('SIGKILL')
    await disk.free()
    await daemon.start()
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/other'))).toBe(other)
  })
})

describe('a sealed file that cannot be read as it is', () => {
  test('damaged: it is set aside, and the generation before it is served', async () => {
    const { daemon, login } = await start({ CATCHD_VAULT: 'file' })
    await login('gw')
    const token = tokenOf(await daemon.api('GET', '/v1/tokens/gw'))
    await daemon.kill('SIGTERM')
    const sealed = join(daemon.home, 'state', 'vault.sealed')
    const bytes = await readFile(sealed)
    bytes[bytes.length - 40] = (bytes.at(-40) ?? 0) ^ 0xff
    await writeFile(sealed, bytes)
    await daemon.start()

    expect(tokenOf(await daemon.api('GET', '/v1/tokens/gw'))).toBe(token)
    expect(await vaultOf(daemon)).toMatchObject({ health: 'ok', unsaved: [] })
    const aside = (await readdir(join(daemon.home, 'state'))).filter((name) => name.includes('.corrupt-'))
    expect(aside).toHaveLength(1)
    expect(await readFile(join(daemon.home, 'state', aside[0] ?? ''))).toEqual(bytes)
  })

  test('of a newer format: refused, left alone, and served again when the right file is back', async () => {
    const { daemon, login } = await start({ CATCHD_VAULT: 'file' })
    await login('gw')
    const token = tokenOf(await daemon.api('GET', '/v1/tokens/gw'))
    await daemon.kill('SIGTERM')
    const sealed = join(daemon.home, 'state', 'vault.sealed')
    const right = await readFile(sealed)
    const newer = withDigest(Buffer.from('{"format":"catchd sealed vault","version":2}\nunknown'))
    await writeFile(sealed, newer)
    await daemon.start()

    const refused = await daemon.api('GET', '/v1/tokens/gw')
    expect(refused).toMatchObject({ status: 503, json: { code: 'vault_unavailable' } })
    expect(refused.json['detail']).toContain('newer catchd (format 2)')
    expect((await vaultOf(daemon)).health).toBe('unavailable')
    expect(await readFile(sealed)).toEqual(newer)
    await writeFile(sealed, right)
    expect(tokenOf(await daemon.api('GET', '/v1/tokens/gw'))).toBe(token)
  })
})

function withDigest(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, createHash('sha256').update(bytes).digest()])
}
