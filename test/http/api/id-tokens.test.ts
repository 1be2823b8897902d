import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { IdTokenAnswer } from '../../../src/http/api/wire.js'
import { settle } from '../../support/manual-clock.js'
import { ID_TOKEN, tokenSet } from './fake-services.js'
import { openApi } from './opened-api.js'

const PATH = '/v1/tokens/gw/id_token'

async function loggedIn() {
  const api = await openApi()
  api.services.stored.set('gw', tokenSet())
  return api
}

describe('GET /v1/tokens/{profile}/id_token', () => {
  test('the id_token with its own end, whoever asked is recorded, and no access token is looked up', async () => {
    const { call, services } = await loggedIn()
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
    expect(services.calls).toEqual(['tokens.idToken gw 120'])
    expect(services.served).toEqual(['admin gw'])
  })

  test('Accept: text/plain gives the bare id_token, and an error is problem details even then', async () => {
    const { call, services } = await loggedIn()
    const headers = { accept: 'text/plain' }
    const answer = await call('GET', PATH, { headers })
    expect([answer.status, answer.text]).toEqual([200, ID_TOKEN])
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
    services.stored.clear()
    expect((await call('GET', PATH, { headers })).problem().code).toBe('login_required')
  })

  test('not logged in is 409: no login is started unasked, and nothing was served', async () => {
    const { call, services } = await openApi()
    const answer = await call('GET', PATH)
    expect([answer.status, answer.problem()]).toMatchObject([409, { next: 'catchd login gw' }])
    expect([services.calls, services.served]).toEqual([['tokens.idToken gw'], []])
  })

  test('a profile whose logins bring none says so, and login=auto opens no browser for it', async () => {
    const { call, services } = await openApi()
    services.trouble = new CatchdError('profile_invalid', { profile: 'gw' })
    const answer = await call('GET', `${PATH}?login=auto`)
    expect([answer.status, answer.problem().next]).toEqual([422, 'catchd profile edit gw'])
    expect(services.calls).toEqual(['tokens.idToken gw'])
  })

  test('login=auto with wait gives it when the login has succeeded', async () => {
    const { call, services } = await openApi()
    const called = call('GET', `${PATH}?login=auto&wait=120&min_ttl=30`)
    await settle()
    services.stored.set('gw', tokenSet())
    services.settle('login-1')
    expect((await called).json(IdTokenAnswer).id_token).toBe(ID_TOKEN)
    expect(services.calls).toContain('logins.wait login-1 120000')
    expect(services.calls.at(-1)).toBe('tokens.idToken gw 30')
  })

  test('a key that may only get tokens starts no login', async () => {
    const { call, keys, services } = await openApi()
    const { key } = await keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['token'],
      expiresInSeconds: null,
    })
    const answer = await call('GET', `${PATH}?login=auto`, { key: key.reveal() })
    expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
    expect(services.calls).toEqual(['tokens.idToken gw'])
  })

  test('an unknown profile is 404', async () => {
    const { call } = await openApi()
    const answer = await call('GET', '/v1/tokens/nobody/id_token')
    expect([answer.status, answer.problem().code]).toEqual([404, 'profile_unknown'])
  })

  test.each(['min_ttl=abc', 'min_ttl=86401', 'wait=601', 'login=yes', 'minttl=60'])(
    'the query %s is refused by name',
    async (query) => {
      const { call, services } = await loggedIn()
      const answer = await call('GET', `${PATH}?${query}`)
      expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
      expect(answer.problem().detail).toContain(query.split('=')[0])
      expect(services.calls).toEqual([])
    },
  )

  test.each(['POST', 'PUT', 'DELETE', 'HEAD'])('%s is not served', async (method) => {
    const { call, services } = await loggedIn()
    const answer = await call(method, PATH)
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET'])
    expect(services.calls).toEqual([])
  })
})
