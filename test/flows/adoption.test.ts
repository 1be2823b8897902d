/**
 * A tool that builds its own authorization request and leaves the redirect and the code to the daemon: the built
 * program, and a gateway that compares verifier and challenge.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startSeedSystem } from '../support/seed-system.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start() {
  const system = await startSeedSystem({ env: { CATCHD_LOG_LEVEL: 'trace' } })
  cleanUps.push(() => system.stop())
  return system
}

/** What the tool sends its person to, and what it tells the daemon. */
function built(system: Awaited<ReturnType<typeof start>>) {
  const state = `state-canary-${randomBytes(12).toString('base64url')}`
  const verifier = randomBytes(48).toString('base64url')
  const url = new URL(`${system.gateway.baseUrl}/invoke/pub.apigateway.oauth2/authorize`)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: system.gateway.clientId,
    redirect_uri: system.daemon.redirectUri('gw'),
    scope: 'email',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  return { url: url.href, state, verifier, body: { profile: 'gw', state, code_verifier: verifier } }
}

test('its login ends with a token here, and neither state nor verifier is left in the log', async () => {
  const system = await start()
  const { daemon, gateway } = system
  const request = built(system)
  const begun = await daemon.api('POST', '/v1/logins', { body: request.body })
  expect([begun.status, begun.json['redirect_uri']]).toEqual([201, daemon.redirectUri('gw')])
  expect(begun.json).not.toHaveProperty('authorization_url')
  expect(begun.text).not.toContain(request.state)

  const again = await daemon.api('POST', '/v1/logins', { body: request.body })
  expect([again.status, again.json['code']]).toEqual([400, 'request_invalid'])
  expect(again.text).not.toContain(request.state)

  const answered = await daemon.deliver(await system.approve(request.url))
  expect(answered.status).toBe(303)
  const login = await daemon.api('GET', `/v1/logins/${begun.json['login_id']}?wait=10`)
  expect(login.json).toMatchObject({ status: 'succeeded', profile: 'gw' })
  expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)
  expect(JSON.parse(gateway.tokenRequests[0]?.body ?? '')).toMatchObject({ code_verifier: request.verifier })

  const log = daemon.output + (await readFile(join(daemon.home, 'state', 'catchd.log'), 'utf8'))
  expect(log).toContain('login.succeeded')
  for (const secret of [request.state, request.verifier]) expect(log).not.toContain(secret)
})

test('a verifier that does not belong to the request is refused by the server, and nothing is stored', async () => {
  const system = await start()
  const { daemon } = system
  const request = built(system)
  const body = { ...request.body, code_verifier: 'x'.repeat(43) }
  const begun = await daemon.api('POST', '/v1/logins', { body })
  await daemon.deliver(await system.approve(request.url))
  const { json } = await daemon.api('GET', `/v1/logins/${begun.json['login_id']}?wait=10`)
  expect(json).toMatchObject({ status: 'failed', error: { code: 'provider_refused' } })
  expect((await daemon.api('GET', '/v1/tokens/gw')).json['code']).toBe('login_required')
})
