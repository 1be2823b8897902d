/**
 * A home that version 0.1.0 left behind, killed with `kill -9`: what the newest program makes of it.
 *
 * test/fixtures/home-0.1.0 was written by that version, with a sealed file vault and its key; its tokens and keys open
 * nothing. It holds logins and a catch that were pending, a refresh that was under way, a refresh token that was refused
 * (with the notice that was given of it) and an API key. The authorization servers are gone.
 */
import { chmod, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'

const FIXTURE = fileURLToPath(new URL('../fixtures/home-0.1.0', import.meta.url))
const ACCESS_TOKEN = 'ec9ef9675f31c4a68ee3b6d4bc59fc012cc791f2fa1e20ab777e6d5f9de62414'
const API_KEY = 'as1CBu0njTt1U7Tj0tKymrIVsktIZkheXXPuzezaAO4'
const PENDING = {
  'a login': 'in8nvKxxz4KAn276HxvTAQ',
  'a device login': 'lDHA4i2j_yTxAMwYcTVwIw',
  'a catch': 'J-WC5mlSdS7nWRucYyPrhw',
}

let home: string
let daemon: Daemon

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'catchd-earlier-'))
  await cp(FIXTURE, home, { recursive: true })
  // git keeps no such permissions.
  await chmod(home, 0o700)
  await chmod(join(home, 'state'), 0o700)
  for (const name of await readdir(join(home, 'state'))) await chmod(join(home, 'state', name), 0o600)
  daemon = await startDaemon({ home, env: { CATCHD_VAULT: 'auto' } })
})
afterAll(async () => {
  await daemon.stop()
  await rm(home, { recursive: true })
})

test('the configuration and the vault that was chosen are in use', async () => {
  // While something is being written it may say `unavailable`.
  const status = async () => (await daemon.api('GET', '/v1/status')).json
  await expect.poll(status).toMatchObject({
    vault: { kind: 'file', engine: 'sealed-file', health: 'ok', unsaved: [] },
    config: { ok: true, error: null },
    profiles: 5,
    logins_pending: 0,
  })
})

test('the profiles are listed with the status that they had', async () => {
  const { json } = await daemon.api('GET', '/v1/profiles')
  const profiles = json['profiles'] as { profile: string; status: string; scope: string | null }[]
  expect(profiles.map(({ profile, status, scope }) => [profile, status, scope])).toEqual([
    ['gw', 'logged_in', 'email'],
    ['interrupted', 'logged_in', 'email'],
    ['lapsed', 'logged_in', 'email'],
    ['waiting', 'login_required', null],
    ['tv', 'login_required', null],
  ])
})

test('a token is served, also to the holder of an API key', async () => {
  const served = { status: 200, json: { access_token: ACCESS_TOKEN, token_type: 'Bearer', scope: 'email' } }
  expect(await daemon.api('GET', '/v1/tokens/gw')).toMatchObject(served)
  expect(await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp', key: API_KEY })).toMatchObject(served)
  expect(await daemon.api('GET', '/v1/tokens/lapsed', { via: 'tcp', key: API_KEY })).toMatchObject({
    status: 403,
  })
  const adminKey = (await readFile(join(FIXTURE, 'state', 'admin.key'), 'utf8')).trim()
  expect((await daemon.api('GET', '/v1/status', { via: 'tcp', key: adminKey })).status).toBe(200)
})

test('the refresh token and the client secret are there: only the server is missing', async () => {
  expect(await daemon.api('POST', '/v1/tokens/gw/refresh')).toMatchObject({
    json: { code: 'provider_unreachable' },
  })
})

test('a refresh token that was under way is tried: only the server is missing', async () => {
  expect(await daemon.api('POST', '/v1/tokens/interrupted/refresh')).toMatchObject({
    json: { code: 'provider_unreachable' },
  })
})

test('a login that was known to be needed still is, and the notice of it is not given again', async () => {
  const { json } = await daemon.api('GET', '/v1/profiles/lapsed')
  expect(json['login_needed_at']).not.toBeNull()
  const told = async (folder: string) => {
    const memory = JSON.parse(await readFile(join(folder, 'state', 'notices.json'), 'utf8'))
    return { ...memory.profiles.lapsed, used_at_ms: 0 } as unknown
  }
  expect(await told(home)).toEqual(await told(FIXTURE))
})

test.each(Object.entries(PENDING))('%s that was pending has expired', async (_, id) => {
  expect(await daemon.api('GET', `/v1/logins/${id}`)).toMatchObject({
    status: 200,
    json: { status: 'expired', error: { code: 'login_expired' } },
  })
})
