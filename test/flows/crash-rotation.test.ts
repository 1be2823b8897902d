/** Refresh tokens that rotate while the daemon is killed, at servers that call a second use theft. */
import { describe, expect, test } from 'vitest'
import { rotateAtGlewlwyd, rotateAtOidcProvider } from '../soak/rotation.js'
import { withoutGlewlwyd } from '../support/glewlwyd.js'

describe('twenty rotations with kills in between do not look like theft', () => {
  const plan = { refreshes: 20, killAfter: [10], killWithinMs: [0, 4, 8] }

  test('to oidc-provider', async () => {
    expect(await rotateAtOidcProvider(plan)).toMatchObject({ refreshes: 20, kills: 4, reuseDetected: 0 })
  })

  test.skipIf(withoutGlewlwyd !== undefined)('to glewlwyd', async () => {
    expect(await rotateAtGlewlwyd(plan)).toMatchObject({ refreshes: 20, kills: 4, reuseDetected: 0 })
  })
})
