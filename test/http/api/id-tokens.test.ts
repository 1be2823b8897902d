import { describe, expect, test } from 'vitest'
import { IdTokenAnswer } from '../../../src/http/api/id-tokens.js'
import { ID_TOKEN, PROFILES } from '../../support/composed-daemon.js'
import { openApi } from './opened-api.js'

const PATH = '/v1/tokens/gw/id_token'

async function loggedIn() {
  const api = await openApi()
  await api.logIn('gw')
  return api
}

describe('GET /v1/tokens/{profile}/id_token', () => {
  test('the id_token with its own end, whoever asked is recorded, and nothing is asked of the server', async () => {
    const { call, effects } = await loggedIn()
    const answer = await call('GET', `${PATH}?min_ttl=120`)
    expect(answer.status).toBe(200)
    expect(answer.json(IdTokenAnswer)).toEqual({
      id_token: ID_TOKEN,
      expires_in: 300,
      expires_at: '2026-01-01T00:05:00Z',
      issuer: 'https://id.example.com',
      subject: 'alice',
      profile: 'gw',
    })
    expect(effects).toEqual(['token.served admin gw'])
  })

  test('Accept: text/plain gives the bare id_token, and an error is problem details even then', async () => {
    const { call, services } = await loggedIn()
    const headers = { accept: 'text/plain' }
    const answer = await call('GET', PATH, { headers })
    expect([answer.status, answer.text]).toEqual([200, ID_TOKEN])
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
    await services.tokens.logout('gw')
    expect((await call('GET', PATH, { headers })).problem().code).toBe('login_required')
  })

  test('not logged in is 409: no login is started unasked, and nothing was served', async () => {
    const { call, effects } = await openApi()
    const answer = await call('GET', PATH)
    expect([answer.status, answer.problem()]).toMatchObject([409, { next: 'catchd login gw' }])
    expect(effects).toEqual([])
  })

  test('a profile whose logins bring none says so, and login=auto opens no browser for it', async () => {
    const { call, effects } = await openApi({
      config: { profiles: { gw: { ...PROFILES.gw, scope: 'email' } } },
    })
    const answer = await call('GET', `${PATH}?login=auto`)
    expect([answer.status, answer.problem().next]).toEqual([422, 'catchd profile edit gw'])
    expect(effects).toEqual([])
  })

  test('login=auto with wait gives it when the login has succeeded', async () => {
    const { call, begun, approve } = await openApi()
    const called = call('GET', `${PATH}?login=auto&wait=120&min_ttl=30`)
    await approve((await begun('gw')).id)
    expect((await called).json(IdTokenAnswer).id_token).toBe(ID_TOKEN)
  })

  test('less than min_ttl left of it is refreshed first', async () => {
    const { call, effects } = await loggedIn()
    expect((await call('GET', `${PATH}?min_ttl=299`)).status).toBe(200)
    expect(effects).not.toContain('refresh gw')
    expect((await call('GET', `${PATH}?min_ttl=301`)).status).toBe(200)
    expect(effects).toContain('refresh gw')
  })

  test('a key that may only get tokens starts no login', async () => {
    const { call, keys, effects } = await openApi()
    const { key } = await keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['token'],
      expiresInSeconds: null,
    })
    const answer = await call('GET', `${PATH}?login=auto`, { key: key.reveal() })
    expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
    expect(effects).toEqual([])
  })

  test('an unknown profile is 404', async () => {
    const { call } = await openApi()
    const answer = await call('GET', '/v1/tokens/nobody/id_token')
    expect([answer.status, answer.problem().code]).toEqual([404, 'profile_unknown'])
  })

  test.each(['min_ttl=abc', 'min_ttl=86401', 'wait=601', 'login=yes', 'minttl=60'])(
    'the query %s is refused by name',
    async (query) => {
      const { call, effects } = await loggedIn()
      const answer = await call('GET', `${PATH}?${query}`)
      expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
      expect(answer.problem().detail).toContain(query.split('=')[0])
      expect(effects).toEqual([])
    },
  )

  test.each(['POST', 'PUT', 'DELETE', 'HEAD'])('%s is not served', async (method) => {
    const { call, effects } = await loggedIn()
    const answer = await call(method, PATH)
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET'])
    expect(effects).toEqual([])
  })
})
