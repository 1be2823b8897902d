/** What the built daemon remembers of who got which token, while it runs and after it was killed or stopped. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startSeedSystem } from '../support/seed-system.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

test('the key that got a token is named in the status, and its use is known after a restart', async () => {
  const system = await startSeedSystem({ env: { CATCHD_VAULT: 'file' } })
  cleanUps.push(() => system.stop())
  const { daemon } = system
  await system.login()
  const body = { client: 'ci', profiles: ['gw'], actions: ['token'] }
  const key = String((await daemon.api('POST', '/v1/clients', { body })).json['key'])
  for (let n = 0; n < 3; n++) await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp', key })
  await daemon.api('GET', '/v1/tokens/gw')

  const status = JSON.parse((await daemon.cli(['status', '--json'])).stdout)
  expect(status.token_accesses).toMatchObject([
    { client: 'socket', profile: 'gw', count: 1 },
    { client: 'ci', profile: 'gw', count: 3 },
  ])
  const limited = await daemon.api('GET', '/v1/status', { via: 'tcp', key })
  expect(limited.json).not.toHaveProperty('token_accesses')

  await daemon.restart()
  const { json } = await daemon.api('GET', '/v1/clients/ci')
  expect(json).toMatchObject({ uses: 4, last_used_at: expect.stringMatching(/Z$/) })
  expect(statSync(join(daemon.home, 'state', 'client-uses.json')).mode & 0o777).toBe(0o600)
  const { stdout } = await daemon.cli(['client', 'list'])
  expect(stdout).toMatch(/^ci +gw +token +never +.+ +4$/m)
})
