import { expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { InspectionAnswer } from '../../../src/http/api/inspection.js'
import { ACCESS_TOKEN, REFRESH_TOKEN } from '../../support/composed-daemon.js'
import { openApi } from './opened-api.js'

test('what is known about the tokens is told without them', async () => {
  const { call, servers, logIn, effects } = await openApi()
  await logIn('gw', { parameters: { patient: 'p-1' }, leftOut: ['photo'] })
  servers.inspection = {
    ...servers.inspection,
    userinfo: {
      outcome: 'failed',
      error: new CatchdError('provider_refused', { detail: 'No.', error: 'invalid_token' }),
    },
  }
  const answer = await call('GET', '/v1/tokens/gw/inspection')
  expect(answer.status).toBe(200)
  expect(answer.json(InspectionAnswer)).toMatchObject({
    profile: 'gw',
    access_token: {
      token_type: 'Bearer',
      scope: 'email',
      expires_at: '2026-01-01T01:00:00Z',
      expires_in: 3600,
    },
    context: { patient: 'p-1' },
    left_out: ['photo'],
    id_token: { header: { alg: 'ES256' }, claims: { sub: 'ada' } },
    introspection: { answer: { active: true }, error: null },
    userinfo: {
      answer: null,
      error: { code: 'provider_refused', detail: 'No.', error: 'invalid_token', error_description: null },
    },
  })
  for (const token of [ACCESS_TOKEN, REFRESH_TOKEN]) expect(answer.text).not.toContain(token)
  expect(effects).toEqual(['inspect gw']) // nothing is refreshed for it, and no token was served
})

test('what was not asked is null', async () => {
  const { call, logIn } = await openApi()
  await logIn('gw')
  const answer = await call('GET', '/v1/tokens/gw/inspection')
  expect(answer.json(InspectionAnswer).userinfo).toBeNull()
})

test('without tokens a login is needed, and no server is asked', async () => {
  const { call, effects } = await openApi()
  const answer = await call('GET', '/v1/tokens/gw/inspection')
  expect([answer.status, answer.problem().code]).toEqual([409, 'login_required'])
  expect(effects).toEqual([])
})

test('an unknown profile is 404', async () => {
  const { call } = await openApi()
  const answer = await call('GET', '/v1/tokens/nobody/inspection')
  expect([answer.status, answer.problem().code]).toEqual([404, 'profile_unknown'])
})
