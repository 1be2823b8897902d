/** What a relay sends on, seen by the API that it stands in front of. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createRelay, type RelayOptions } from '../../src/forward/relay.js'
import { Secret } from '../../src/secret.js'
import { exchange } from '../support/http-client.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function relayed(options: Omit<RelayOptions, 'api'>) {
  const seen: { headers: IncomingMessage['headers']; method: string | undefined; body: string }[] = []
  const api = await listen(
    createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      request.on('end', () => {
        seen.push({ headers: request.headers, method: request.method, body })
        response.writeHead(418, { 'x-answer': 'yes' }).end('short and stout')
      })
    }),
  )
  return { api, seen, url: await listen(createRelay({ ...options, api })) }
}

test('the key takes the place of what a caller sends, and Host is the API’s own', async () => {
  const { api, seen, url } = await relayed({ key: new Secret('limited') })
  const answer = await exchange(`${url}/v1/x?y=z`, {
    method: 'POST',
    headers: { authorization: 'Bearer admin', host: 'localhost', te: 'trailers', 'x-more': '1' },
    body: '{"a":1}',
  })
  expect(answer).toMatchObject({ status: 418, body: 'short and stout', headers: { 'x-answer': 'yes' } })
  expect(seen[0]).toMatchObject({
    method: 'POST',
    body: '{"a":1}',
    headers: { authorization: 'Bearer limited', host: new URL(api).host, 'x-more': '1' },
  })
  expect(seen[0]?.headers).not.toHaveProperty('te')
})

test('a body of unknown length arrives', async () => {
  const { seen, url } = await relayed({ key: new Secret('limited') })
  const chunks = ['a', 'b'].map((text) => new TextEncoder().encode(text.repeat(50_000)))
  await fetch(url, { method: 'POST', body: ReadableStream.from(chunks), duplex: 'half' } as RequestInit)
  expect(seen[0]?.body).toHaveLength(100_000)
})

test.each([
  ['127.0.0.1:7000', true],
  ['localhost:7000', false],
  ['evil.example', false],
  ['127.0.0.1:7001', false],
])('behind a port callers bring the key, and the name %s is ours: %s', async (host, replaced) => {
  const { api, seen, url } = await relayed({ key: new Secret('limited'), knownAsPort: 7000 })
  await exchange(url, { headers: { host, authorization: 'Bearer theirs' } })
  expect(seen[0]?.headers).toMatchObject({
    authorization: 'Bearer theirs',
    host: replaced ? new URL(api).host : 'not-ours.invalid',
  })
})

test('behind a port no key is added', async () => {
  const { seen, url } = await relayed({ key: new Secret('limited'), knownAsPort: 7000 })
  await exchange(url)
  expect(seen[0]?.headers).not.toHaveProperty('authorization')
})

test('events stream, and a caller that leaves ends the request behind', async () => {
  let left: Promise<unknown> | undefined
  const api = await listen(
    createServer((request, response) => {
      left = once(request.socket, 'close')
      response.write('data: 1\n\n')
    }),
  )
  const url = await listen(createRelay({ api, key: new Secret('limited') }))
  const answer = await fetch(url)
  const reader = answer.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 1\n\n')
  await reader?.cancel()
  await left
})

test('no API: problem details', async () => {
  const { api } = await relayed({ key: new Secret('limited') })
  const [server] = servers.splice(0, 1)
  server?.closeAllConnections()
  server?.close()
  const url = await listen(createRelay({ api, key: new Secret('limited') }))
  const answer = await exchange(url)
  expect(answer.status).toBe(503)
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'daemon_unreachable' })
})
