/** Refresh tokens that rotate while the daemon is killed: each is tried at most once more, at servers that call that theft. */
import { describe, expect, test } from 'vitest'
import { rotateAtGlewlwyd, rotateAtOidcProvider } from '../soak/rotation.js'
import { withoutGlewlwyd } from '../support/glewlwyd.js'

describe('twenty rotations with kills in between need a login only where a kill cut off a refresh', () => {
  const plan = { refreshes: 20, killAfter: [10], killWithinMs: [0, 4, 8] }

  test('to oidc-provider', async () => {
    const { reuseDetected, loginRequired, ...rest } = await rotateAtOidcProvider(plan)
    expect(rest).toMatchObject({ refreshes: 20, kills: 4 })
    expect(reuseDetected).toBeLessThanOrEqual(loginRequired)
  })

  test.skipIf(withoutGlewlwyd !== undefined)('to glewlwyd', async () => {
    const { reuseDetected, loginRequired, ...rest } = await rotateAtGlewlwyd(plan)
    expect(rest).toMatchObject({ refreshes: 20, kills: 4 })
    expect(reuseDetected).toBeLessThanOrEqual(loginRequired)
  })
})
