import { expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { InspectionAnswer } from '../../../src/http/api/inspection.js'
import { ACCESS_TOKEN } from './fake-services.js'
import { openApi } from './opened-api.js'

test('what is known about the tokens is told without them', async () => {
  const { call, services } = await openApi()
  services.inspection = {
    ...services.inspection,
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
    id_token: { header: { alg: 'ES256' }, claims: { sub: 'ada' } },
    introspection: { answer: { active: true }, error: null },
    userinfo: {
      answer: null,
      error: { code: 'provider_refused', detail: 'No.', error: 'invalid_token', error_description: null },
    },
  })
  expect(answer.text).not.toContain(ACCESS_TOKEN)
})

test('what was not asked is null', async () => {
  const { call } = await openApi()
  const answer = await call('GET', '/v1/tokens/gw/inspection')
  expect(answer.json(InspectionAnswer).userinfo).toBeNull()
})

test('an unknown profile is 404', async () => {
  const { call } = await openApi()
  const answer = await call('GET', '/v1/tokens/nobody/inspection')
  expect([answer.status, answer.problem().code]).toEqual([404, 'profile_unknown'])
})
