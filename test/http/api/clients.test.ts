import { describe, expect, test } from 'vitest'
import { ClientAnswer, ClientListAnswer, NewClientAnswer } from '../../../src/http/api/clients.js'
import { ProfileListAnswer } from '../../../src/http/api/profiles.js'
import { StatusAnswer } from '../../../src/http/api/status.js'
import { openApi } from './opened-api.js'

const CI = { client: 'ci', profiles: ['gw'], actions: ['token'], expires_in: 7_776_000 }

describe('/v1/clients', () => {
  test('a key is shown once and works', async () => {
    const { call, logIn } = await openApi()
    const made = await call('POST', '/v1/clients', { body: CI })
    expect(made.status).toBe(201)
    const { key, ...rest } = made.json(NewClientAnswer)
    expect(rest).toEqual({
      client: 'ci',
      profiles: ['gw'],
      actions: ['token'],
      created_at: '2026-01-01T00:00:00Z',
      expires_at: '2026-04-01T00:00:00Z',
      last_used_at: null,
      uses: 0,
    })
    expect(key).toMatch(/^[\w-]{43}$/)
    await logIn('gw')
    expect((await call('GET', '/v1/tokens/gw', { key })).status).toBe(200)
    const one = await call('GET', '/v1/clients/ci')
    expect(one.json(ClientAnswer)).toEqual({ ...rest, last_used_at: '2026-01-01T00:00:00Z', uses: 1 })
    const all = await call('GET', '/v1/clients')
    expect(all.json(ClientListAnswer).clients).toEqual([one.json(ClientAnswer)])
    for (const { text } of [one, all]) expect(text).not.toContain(key)
  })

  test('a key ends when it is removed, and when its time is over', async () => {
    const { call, clock } = await openApi()
    const make = async () => (await call('POST', '/v1/clients', { body: CI })).json(NewClientAnswer).key
    const removed = await make()
    expect((await call('DELETE', '/v1/clients/ci')).status).toBe(204)
    expect((await call('GET', '/v1/profiles', { key: removed })).problem().code).toBe('unauthorized')
    const expiring = await make()
    clock.jump(CI.expires_in * 1000 - 1)
    expect((await call('GET', '/v1/profiles', { key: expiring })).status).toBe(200)
    clock.jump(1)
    expect((await call('GET', '/v1/profiles', { key: expiring })).status).toBe(401)
  })

  test('without expires_in it never ends; an admin key needs no profiles', async () => {
    const { call } = await openApi()
    const body = { client: 'root', actions: ['admin'] }
    const { key, expires_at } = (await call('POST', '/v1/clients', { body })).json(NewClientAnswer)
    expect(expires_at).toBeNull()
    expect((await call('GET', '/v1/clients', { key })).status).toBe(200)
    expect((await call('GET', '/v1/profiles/corp', { key })).status).toBe(200)
  })

  test.each([
    ['no name', { ...CI, client: '' }],
    ['a name that is none', { ...CI, client: 'C I' }],
    ['no profiles', { ...CI, profiles: [] }],
    ['a profile name that is none', { ...CI, profiles: ['*'] }],
    ['no actions', { ...CI, actions: [] }],
    ['an unknown action', { ...CI, actions: ['everything'] }],
    ['a life of no time', { ...CI, expires_in: 0 }],
    ['a life of part of a second', { ...CI, expires_in: 0.5 }],
    ['an unknown member', { ...CI, key: 'chosen-canary' }],
  ])('%s is refused', async (_name, body) => {
    const { call, keys } = await openApi()
    const answer = await call('POST', '/v1/clients', { body })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.text).not.toContain('canary')
    expect(keys.list()).toEqual([])
  })

  test('a name is given once, also to two at once', async () => {
    const { call } = await openApi()
    const made = await Promise.all([1, 2].map(() => call('POST', '/v1/clients', { body: CI })))
    expect(made.map(({ status }) => status).sort()).toEqual([201, 400])
  })

  test('an unknown client is 404', async () => {
    const { call } = await openApi()
    for (const method of ['GET', 'DELETE']) {
      const answer = await call(method, '/v1/clients/nobody')
      expect([answer.status, answer.problem().code]).toEqual([404, 'client_unknown'])
    }
  })

  test('a near name is suggested, and what may be a key is not repeated', async () => {
    const { call } = await openApi()
    await call('POST', '/v1/clients', { body: CI })
    const near = await call('DELETE', '/v1/clients/cl')
    expect(near.problem()).toMatchObject({ detail: 'There is no API key "cl". Did you mean "ci"?' })
    const key = await call('DELETE', '/v1/clients/Xk_EZ92jW87TUXaJaKAwxnJH5U37')
    expect(key.problem()).not.toHaveProperty('detail')
  })
})

describe('a limited key', () => {
  const proof = { method: 'GET', url: 'https://api.example.com/' }
  const calls: [method: string, path: string, body: unknown, action: 'token' | 'login' | 'admin'][] = [
    ['GET', '/v1/tokens/PROFILE', undefined, 'token'],
    ['GET', '/v1/tokens/PROFILE/id_token', undefined, 'token'],
    ['POST', '/v1/tokens/PROFILE/proof', proof, 'token'],
    ['POST', '/v1/tokens/PROFILE/refresh', undefined, 'login'],
    ['POST', '/v1/logins', { profile: 'PROFILE' }, 'login'],
    ['GET', '/v1/logins?profile=PROFILE', undefined, 'login'],
    ['GET', '/v1/logins/LOGIN', undefined, 'login'],
    ['POST', '/v1/logins/LOGIN/response', { url: 'x' }, 'login'],
    ['DELETE', '/v1/logins/LOGIN', undefined, 'login'],
    ['DELETE', '/v1/tokens/PROFILE', undefined, 'admin'],
    ['POST', '/v1/profiles', { url: 'https://mcp.example.com/mcp' }, 'admin'],
    ['PUT', '/v1/profiles/PROFILE', { client_id: 'x' }, 'admin'],
    ['DELETE', '/v1/profiles/PROFILE', undefined, 'admin'],
    ['GET', '/v1/clients', undefined, 'admin'],
    ['POST', '/v1/clients', CI, 'admin'],
    ['GET', '/v1/clients/ci', undefined, 'admin'],
    ['DELETE', '/v1/clients/ci', undefined, 'admin'],
    ['POST', '/v1/daemon/stop', undefined, 'admin'],
    ['POST', '/v1/vault/migrate', { to: 'file' }, 'admin'],
  ]
  const allowedWith = { token: ['token'], login: ['token', 'login'] }

  async function opened(action: 'token' | 'login') {
    const api = await openApi()
    const { key } = await api.keys.add({
      name: 'limited',
      profiles: ['gw'],
      actions: [action],
      expiresInSeconds: null,
    })
    await api.logIn('gw')
    await api.logIn('corp')
    const logins = new Map<string, string>()
    for (const profile of ['gw', 'corp']) {
      logins.set(profile, (await api.services.logins.begin({ profile, open: false })).id)
    }
    api.effects.length = 0
    const ask = (method: string, path: string, body: unknown, profile: string) => {
      const named = body === undefined ? undefined : JSON.stringify(body).replace('PROFILE', profile)
      const url = path.replace('LOGIN', logins.get(profile) ?? '').replace('PROFILE', profile)
      return api.call(method, url, { body: named, key: key.reveal() })
    }
    return { ...api, ask, key: key.reveal() }
  }

  for (const own of ['token', 'login'] as const) {
    test.each(calls)(`${own}: %s %s`, async (method, path, body, action) => {
      const { ask, effects, keys } = await opened(own)
      const isAllowed = allowedWith[own].includes(action)
      const mine = await ask(method, path, body, 'gw')
      if (isAllowed) expect(mine.text).not.toContain('"forbidden"')
      else expect([mine.status, mine.problem().code]).toEqual([403, 'forbidden'])
      if (isAllowed) effects.length = 0
      const others = await ask(method, path, body, 'corp')
      expect([others.status, others.problem().code]).toEqual([403, 'forbidden'])
      expect(effects).toEqual([])
      expect(keys.list()).toHaveLength(1)
    })
  }

  test('does not learn whether a profile of others exists', async () => {
    const { ask } = await opened('login')
    const texts = ['corp', 'nobody'].map(
      async (name) => (await ask('GET', '/v1/tokens/PROFILE', undefined, name)).text,
    )
    const [existing, missing] = await Promise.all(texts)
    expect(existing).toBe(missing)
  })

  test('sees its own profiles and counts only', async () => {
    const { call, key, services } = await opened('token')
    const { status: real } = services
    services.status = async (limit) => {
      const status = await real(limit)
      const vault = { ...status.vault, unsaved: ['corp', 'gw'] }
      return {
        ...status,
        vault,
        config: { path: '/x', ok: false, error: 'profiles.corp.scoep is not known' },
      }
    }
    const { profiles } = (await call('GET', '/v1/profiles', { key })).json(ProfileListAnswer)
    expect(profiles.map(({ profile }) => profile)).toEqual(['gw'])
    expect((await call('GET', '/v1/profiles/gw', { key })).status).toBe(200)
    expect((await call('GET', '/v1/profiles/corp', { key })).status).toBe(403)
    const status = await call('GET', '/v1/status', { key })
    expect(status.json(StatusAnswer)).toMatchObject({
      vault: { unsaved: ['gw'] },
      profiles: 1,
      logins_pending: 1,
      config: { ok: false, error: null },
    })
    expect(status.text).not.toContain('corp')
    expect((await call('GET', '/openapi.json', { key })).status).toBe(200)
  })

  test('that may only get tokens starts no login', async () => {
    const { call, key, services, effects } = await opened('token')
    expect((await call('GET', '/v1/tokens/gw?login=auto', { key })).status).toBe(200)
    await services.tokens.logout('gw')
    effects.length = 0
    const answer = await call('GET', '/v1/tokens/gw?login=auto&wait=10', { key })
    expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
    expect(effects).toEqual([])
  })
})
