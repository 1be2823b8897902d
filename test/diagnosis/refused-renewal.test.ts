/** What a refused request for new tokens is explained with: only a grant that has a refresh token hears of one. */
import { expect, test } from 'vitest'
import { GRANT_TYPES, GRANTS, type Grant, usesRefreshToken } from '../../src/config/grants.js'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { whyNotRefreshed } from '../../src/login/login-report.js'
import { testProfile } from '../support/fake-authorization-servers.js'

function explained(grant: Grant, error: string): CatchdError {
  const profile: Profile = { ...testProfile(), grant }
  const parts = {
    servers: {
      origin: () => ({ authorizationServer: 'https://as.example', clientId: profile.client_id }),
      published: () => undefined,
    },
    profiles: { profile: () => profile },
  }
  const refusal = new CatchdError('provider_refused', { profile: profile.name, error })
  return whyNotRefreshed(parts, profile.name, refusal) as CatchdError
}

const WITHOUT = GRANT_TYPES.filter((grant) => !usesRefreshToken(grant))

test('there are grants of both kinds', () => {
  expect(WITHOUT).toEqual(
    expect.arrayContaining(['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange']),
  )
  expect(WITHOUT.every((grant) => GRANTS[grant].login === null)).toBe(true)
})

test.each(WITHOUT)('%s is not told of a dead refresh token', (grant) => {
  const { message, next } = explained(grant, 'invalid_grant')
  expect(message).not.toMatch(/refresh[_ ]token/)
  expect(next).not.toContain('catchd login')
})

test.each(WITHOUT)('%s is not told to be registered for another grant than its own', (grant) => {
  const { message } = explained(grant, 'unauthorized_client')
  expect(message).toContain(`is not registered for the grant ${grant}`)
})

test('a profile that a person logs in to is', () => {
  const { message, next } = explained('authorization_code', 'invalid_grant')
  expect(message).toContain('no longer accepts the refresh token')
  expect(next).toBe('catchd login gw')
})
