import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { FakeDaemon, problem, type Reply, type Route } from './fake-daemon.js'

const answer = (token: string) => ({
  body: {
    access_token: token,
    token_type: 'Bearer',
    expires_in: 3600,
    expires_at: '2026-11-23T15:00:00Z',
    scope: null,
    profile: 'gw',
  },
})

async function start(current: () => string, refreshed: () => string = current) {
  const daemon = new FakeDaemon({
    'GET /v1/tokens/gw': () => answer(current()),
    'POST /v1/tokens/gw/refresh': () => answer(refreshed()),
  })
  onTestFinished(() => daemon.close())
  await daemon.listenOnSocket()
  const seen: { authorization: string | undefined; body: string }[] = []
  const good = new Set<string>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const { authorization } = request.headers
      seen.push({ authorization, body })
      response.writeHead(good.has(authorization ?? '') ? 200 : 401).end('answer')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = new CatchdClient({ socketPath: daemon.socketPath })
  return { daemon, client, seen, good, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

test('the token goes along, whatever the caller sets', async () => {
  const { client, seen, good, url } = await start(() => 't1')
  good.add('Bearer t1')
  const response = await client.fetch('gw', url, { headers: { authorization: 'Basic x' } })
  expect(response.status).toBe(200)
  expect(seen).toEqual([{ authorization: 'Bearer t1', body: '' }])
})

test('a 401 is answered by a refresh and one more try, with the same body', async () => {
  const { client, seen, good, url } = await start(
    () => 't1',
    () => 't2',
  )
  good.add('Bearer t2')
  const response = await client.fetch('gw', url, { method: 'POST', body: 'kept' })
  expect([response.status, await response.text()]).toEqual([200, 'answer'])
  expect(seen.map(({ body }) => body)).toEqual(['kept', 'kept'])
})

test('a token that somebody else refreshed is taken without another refresh', async () => {
  const { daemon, client, good, url } = await start(
    () => 't1',
    () => 't2',
  )
  good.add('Bearer t2')
  expect((await client.fetch('gw', url)).status).toBe(200)
  // The daemon compares it with its current token.
  expect(daemon.asked.map(({ method, body }) => [method, body])).toEqual([
    ['GET', undefined],
    ['POST', { refused: 't1' }],
  ])
})

test('the daemon has no other token: the refusal is the answer, and nothing is sent again', async () => {
  const { client, seen, url } = await start(() => 't1')
  expect((await client.fetch('gw', url)).status).toBe(401)
  expect(seen).toHaveLength(1)
})

test('the new token is refused too: the refusal is the answer, without a loop', async () => {
  const { client, seen, url } = await start(
    () => 't1',
    () => 't2',
  )
  expect((await client.fetch('gw', url)).status).toBe(401)
  expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer t1', 'Bearer t2'])
})

test('a body that is a stream is sent once', async () => {
  const { client, seen, url } = await start(() => 't1')
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('gone'))
      controller.close()
    },
  })
  const response = await client.fetch('gw', url, { method: 'POST', body, duplex: 'half' } as RequestInit)
  expect(response.status).toBe(401)
  expect(seen).toHaveLength(1)
})

test('without a token nothing is sent', async () => {
  const { daemon, client, seen, url } = await start(() => 't1')
  daemon.routes['GET /v1/tokens/gw'] = problem('login_required', 409, { profile: 'gw' })
  await expect(client.fetch('gw', url)).rejects.toMatchObject({ code: 'login_required' })
  expect(seen).toEqual([])
})

describe('403 for scopes that are missing', () => {
  const CHALLENGE = 'Bearer error="insufficient_scope", scope="b c"'

  /** A resource that answers 403 with this challenge to every token but `wide`. */
  async function guarded(challenge: string | undefined, wide: Route | Reply = answer('wide')) {
    const daemon = new FakeDaemon({
      'GET /v1/tokens/gw': async (asked) => {
        if (asked.query['scope'] === undefined) return answer('narrow')
        return typeof wide === 'function' ? wide(asked) : wide
      },
    })
    onTestFinished(() => daemon.close())
    await daemon.listenOnSocket()
    const seen: string[] = []
    const server = createServer((request, response) => {
      const { authorization = '' } = request.headers
      seen.push(authorization)
      const headers = challenge === undefined ? {} : { 'www-authenticate': challenge }
      request
        .resume()
        .on('end', () => response.writeHead(authorization === 'Bearer wide' ? 200 : 403, headers).end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const client = new CatchdClient({ socketPath: daemon.socketPath })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return { client, url, seen, scopes: () => daemon.asked.map(({ query }) => query['scope']), daemon }
  }

  test.each([
    ['as RFC 6750 shows it', CHALLENGE, 'b c'],
    ['of DPoP', 'DPoP algs="ES256", error=insufficient_scope, scope="b"', 'b'],
    ['behind another scheme', 'Basic realm="x", Bearer scope="b",error="insufficient_scope"', 'b'],
    ['with more blanks', 'bearer  error="insufficient_scope" , scope=" b  c b "', 'b c'],
  ])('%s: once more with a token that has them', async (_what, challenge, scope) => {
    const { client, url, seen, scopes, daemon } = await guarded(challenge)
    const response = await client.fetch(
      'gw',
      url,
      { method: 'POST', body: 'kept' },
      { login: 'auto', waitSeconds: 9 },
    )
    expect(response.status).toBe(200)
    expect(seen).toEqual(['Bearer narrow', 'Bearer wide'])
    expect(scopes()).toEqual([undefined, scope])
    expect(daemon.asked.at(-1)?.query).toMatchObject({ login: 'auto', wait: '9' })
  })

  test.each([
    ['without a challenge', undefined],
    ['without scope', 'Bearer error="insufficient_scope"'],
    ['with an empty scope', 'Bearer error="insufficient_scope", scope=""'],
    ['with another error', 'Bearer error="invalid_token", scope="b"'],
    ['whose error is of another scheme', 'Bearer scope="b", Basic error="insufficient_scope"'],
    ['whose parts are of two challenges', 'Bearer error="insufficient_scope", DPoP scope="b"'],
    ['with it in a text', 'Bearer realm="error=insufficient_scope, scope=b"'],
  ])('one %s is the answer', async (_what, challenge) => {
    const { client, url, seen, scopes } = await guarded(challenge)
    expect((await client.fetch('gw', url, {}, { login: 'auto' })).status).toBe(403)
    expect([seen.length, scopes()]).toEqual([1, [undefined]])
  })

  test.each([
    ['no such token', problem('scope_insufficient', 403, { missing: ['b'] })],
    ['only the same token', answer('narrow')],
    ['a scope that the daemon does not take', problem('request_invalid', 400)],
  ])('there is %s: the 403 is the answer, without a loop', async (_what, wide) => {
    const { client, url, seen } = await guarded(CHALLENGE, wide)
    const response = await client.fetch('gw', url)
    expect([response.status, await response.text(), seen.length]).toEqual([403, '', 1])
  })

  test('refused again with them: the second 403 is the answer', async () => {
    const { client, url, seen, scopes } = await guarded(CHALLENGE, answer('wider'))
    expect((await client.fetch('gw', url, {}, { login: 'auto' })).status).toBe(403)
    expect([seen, scopes()]).toEqual([
      ['Bearer narrow', 'Bearer wider'],
      [undefined, 'b c'],
    ])
  })

  test('without login: auto no login is asked for', async () => {
    const { client, url, daemon } = await guarded(CHALLENGE)
    expect((await client.fetch('gw', url)).status).toBe(200)
    for (const { query } of daemon.asked) expect(query).not.toHaveProperty('login')
  })
})

describe('a token that is bound to a key (DPoP)', () => {
  async function bound(
    respond: (proof: string, count: number) => [status: number, headers: Record<string, string>],
  ) {
    const token = { ...answer('t1').body, token_type: 'DPoP' }
    const daemon = new FakeDaemon({
      'GET /v1/tokens/gw': { body: token },
      'POST /v1/tokens/gw/refresh': { body: { ...token, access_token: 't2' } },
      'POST /v1/tokens/gw/proof': ({ body }) => ({
        body: { ...token, dpop: `proof of ${JSON.stringify(body)}` },
      }),
    })
    onTestFinished(() => daemon.close())
    await daemon.listenOnSocket()
    const seen: { authorization: string | undefined; proof: string }[] = []
    const server = createServer((request, response) => {
      const { authorization, dpop } = request.headers
      seen.push({ authorization, proof: String(dpop) })
      const [status, headers] = respond(String(dpop), seen.length)
      response.writeHead(status, headers).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const client = new CatchdClient({ socketPath: daemon.socketPath })
    return { client, daemon, seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a` }
  }
  const CHALLENGE = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n-1' }

  test('goes with a proof for this very request', async () => {
    const { client, seen, url } = await bound(() => [200, {}])
    expect((await client.fetch('gw', url, { method: 'POST', body: 'x' })).status).toBe(200)
    expect(seen).toEqual([{ authorization: 'DPoP t1', proof: `proof of {"method":"POST","url":"${url}"}` }])
  })

  test('goes again with the nonce that the resource server asks for, and knows it the next time', async () => {
    const { client, daemon, seen, url } = await bound((proof) =>
      proof.includes('n-1') ? [200, {}] : [401, CHALLENGE],
    )
    expect((await client.fetch('gw', url)).status).toBe(200)
    expect(seen.map(({ proof }) => proof.includes('n-1'))).toEqual([false, true])
    expect((await client.fetch('gw', url)).status).toBe(200)
    expect(seen).toHaveLength(3)
    expect(daemon.asked.map(({ path }) => path)).not.toContain('/v1/tokens/gw/refresh')
  })

  test('a server that is never content ends it after a refresh, without a loop', async () => {
    const { client, seen, url } = await bound((_proof, count) => [
      401,
      { ...CHALLENGE, 'dpop-nonce': `n-${count}` },
    ])
    expect((await client.fetch('gw', url)).status).toBe(401)
    expect(seen).toHaveLength(3)
  })
})
