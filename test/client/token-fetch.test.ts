import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { FakeDaemon, problem } from './fake-daemon.js'

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
