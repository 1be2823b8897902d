/** The local reverse proxy with tokens that are bound to a key (DPoP): a proof for each request, and nonces. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { ProofRequest } from '../../src/client/options.js'
import { CachedToken } from '../../src/proxy/cached-token.js'
import { LocalProxy } from '../../src/proxy/local-proxy.js'
import { exchange } from '../support/http-client.js'

const token = (value: string) => ({
  access_token: value,
  token_type: 'DPoP',
  expires_in: 300,
  expires_at: null,
  scope: null,
  profile: 'gw',
  context: {},
})

type Respond = (
  proof: ProofRequest,
  count: number,
) => [status: number, headers: Record<string, string | string[]>]

async function start(respond: Respond) {
  const seen: { readonly headers: IncomingMessage['headers']; readonly proof: ProofRequest; body: string }[] =
    []
  const upstream = createServer((request, response) => {
    const proof = JSON.parse(String(request.headers['dpop'])) as ProofRequest
    const call = { headers: request.headers, proof, body: '' }
    seen.push(call)
    request.on('data', (chunk: Buffer) => {
      call.body += chunk.toString()
    })
    request.on('end', () => response.writeHead(...respond(proof, seen.length)).end('answer'))
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/api`
  let refreshes = 0
  const client = {
    token: async () => token('t1'),
    refresh: async () => {
      refreshes += 1
      return token('t2')
    },
    proof: async (_profile: string, request: ProofRequest) => ({
      ...token('t1'),
      dpop: JSON.stringify(request),
    }),
  }
  const proxy = new LocalProxy({
    upstream: new URL(url),
    secret: 'secret',
    token: new CachedToken(client, 'gw'),
  })
  const base = await proxy.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await proxy.close()
    upstream.closeAllConnections()
    upstream.close()
  })
  return { base, url, seen, refreshes: () => refreshes }
}

const CHALLENGE = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n-1' }

test('each request has a proof for its method and address at the upstream', async () => {
  const { base, url, seen } = await start(() => [200, {}])
  const answer = await exchange(`${base}/items?page=2`, {
    method: 'POST',
    headers: { dpop: 'of the caller', authorization: 'Bearer of-the-caller', 'content-type': 'text/plain' },
    body: 'x',
  })
  expect([answer.status, answer.body]).toEqual([200, 'answer'])
  expect(seen).toMatchObject([
    {
      headers: { authorization: 'DPoP t1' },
      proof: { method: 'POST', url: `${url}/items` },
      body: 'x',
    },
  ])
})

test('a nonce that the upstream asks for is sent, with the same body, and known the next time', async () => {
  const { base, seen, refreshes } = await start(({ nonce }) =>
    nonce === 'n-1' ? [200, {}] : [401, CHALLENGE],
  )
  const post = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'kept' }
  expect((await exchange(`${base}/items`, post)).status).toBe(200)
  expect(seen.map(({ proof, body }) => [proof.nonce, body])).toEqual([
    [undefined, 'kept'],
    ['n-1', 'kept'],
  ])
  expect((await exchange(`${base}/items`)).status).toBe(200)
  expect([seen.length, refreshes()]).toEqual([3, 0])
})

test('the challenge that asks for the nonce may be in a field of its own, behind another one', async () => {
  const challenges = ['Bearer realm="api"', CHALLENGE['www-authenticate']]
  const { base, seen, refreshes } = await start(({ nonce }) =>
    nonce === 'n-1' ? [200, {}] : [401, { ...CHALLENGE, 'www-authenticate': challenges }],
  )
  expect((await exchange(`${base}/items`)).status).toBe(200)
  expect([seen.map(({ proof }) => proof.nonce), refreshes()]).toEqual([[undefined, 'n-1'], 0])
})

test('an upstream that is never content is asked three times at most', async () => {
  const { base, seen, refreshes } = await start((_proof, count) => [
    401,
    { ...CHALLENGE, 'dpop-nonce': `n-${count}` },
  ])
  expect((await exchange(`${base}/items`)).status).toBe(401)
  expect([seen.length, refreshes()]).toEqual([3, 1])
})
