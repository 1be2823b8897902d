/** `client.events()`: what the daemon tells, over connections that come and go. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { DaemonConnection } from '../../src/client/daemon-connection.js'
import { daemonEvents } from '../../src/client/event-stream.js'
import { CatchdError } from '../../src/failures.js'

const HAPPENED = { event: 'token.refreshed', profile: 'gw', at: '2026-01-01T00:00:00Z' }
const text = (event: object) => `event: x\ndata: ${JSON.stringify(event)}\n\n`

/** @param answer - Called with each connection and its number, from 1. */
async function serve(answer: (response: ServerResponse, count: number) => void) {
  let count = 0
  const open = new Set<ServerResponse>()
  const server = createServer((_request, response) => {
    count += 1
    open.add(response)
    response.once('close', () => open.delete(response))
    answer(response, count)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, open, count: () => count, server }
}

const stream = (response: ServerResponse, ...parts: string[]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('retry: 2000\n\n')
  for (const part of parts) response.write(part)
  return response
}
const problem = (response: ServerResponse, status: number, code: string) =>
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ status, code, title: code }))

function eventsAt(url: string, signal?: AbortSignal) {
  const connection = new DaemonConnection({ url, apiKey: 'k', timeoutMs: 2_000 })
  return daemonEvents(() => connection.stream('/v1/events', signal, false), signal, 10)
}

async function take(events: AsyncIterable<{ event: string }>, most: number): Promise<string[]> {
  const names: string[] = []
  for await (const { event } of events) if (names.push(event) >= most) break
  return names
}

test('each event as it is told, whatever pieces it comes in, and nothing of what is none', async () => {
  const whole = text(HAPPENED)
  const { url } = await serve((response) => {
    stream(response, ':\n\n', 'data: no JSON\n\n', 'data: 1\n\n', whole.slice(0, 20))
    setTimeout(() => response.write(`${whole.slice(20)}${text({ ...HAPPENED, event: 'login.begun' })}`), 20)
  })
  const client = new CatchdClient({ url, apiKey: 'k' })
  const seen: object[] = []
  for await (const event of client.events()) if (seen.push(event) === 3) break
  expect(seen).toEqual([
    { event: 'connected', at: expect.stringMatching(/Z$/) },
    HAPPENED,
    { ...HAPPENED, event: 'login.begun' },
  ])
})

test('whoever stops iterating closes the connection, also at once', async () => {
  const { url, open } = await serve((response) => void stream(response, text(HAPPENED)))
  expect(await take(eventsAt(url), 1)).toEqual(['connected'])
  expect(await take(eventsAt(url), 2)).toEqual(['connected', 'token.refreshed'])
  await expect.poll(() => open.size).toBe(0)
})

test('a signal ends it without an error, at any time', async () => {
  const { url, open } = await serve((response) => void stream(response))
  const over = new AbortController()
  const all = take(eventsAt(url, over.signal), 100)
  await expect.poll(() => open.size).toBe(1)
  over.abort()
  expect(await all).toEqual(['connected'])
  await expect.poll(() => open.size).toBe(0)
  expect(await take(eventsAt(url, AbortSignal.abort()), 1)).toEqual([])
})

describe('a connection that is lost', () => {
  test('is made again, and said to be a new one', async () => {
    const { url, count } = await serve((response, count) => {
      stream(response, text(HAPPENED))
      if (count === 1) setTimeout(() => response.end(), 10)
      if (count === 2) setTimeout(() => response.destroy(), 10)
    })
    expect(await take(eventsAt(url), 6)).toEqual(
      Array.from({ length: 3 }, () => ['connected', 'token.refreshed']).flat(),
    )
    expect(count()).toBe(3)
  })

  test('is tried again for as long as nothing listens', async () => {
    const { url, server } = await serve((response) => void stream(response).end())
    const port = Number(new URL(url).port)
    const events = eventsAt(url)
    expect((await events.next()).value).toMatchObject({ event: 'connected' })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const next = events.next()
    await delay(60)
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    expect((await next).value).toMatchObject({ event: 'connected' })
    await events.return()
  })

  test('that is refused from then on is an error', async () => {
    const { url } = await serve((response, count) => {
      if (count === 1) stream(response).end()
      else problem(response, 401, 'unauthorized')
    })
    await expect(take(eventsAt(url), 2)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('because an event has no end, too', async () => {
    const { url, count } = await serve((response) => void stream(response, 'x'.repeat(70_000)))
    expect(await take(eventsAt(url), 2)).toEqual(['connected', 'connected'])
    expect(count()).toBe(2)
  })
})

describe('the first connection', () => {
  test.each([
    [403, 'forbidden'],
    [429, 'too_many_logins'],
  ])('that is answered %i fails as it is', async (status, code) => {
    const { url } = await serve((response) => void problem(response, status, code))
    await expect(take(eventsAt(url), 1)).rejects.toMatchObject({ code })
  })

  test('to nobody fails', async () => {
    const client = new CatchdClient({ socketPath: '/nonexistent/catchd.sock' })
    await expect(take(client.events(), 1)).rejects.toMatchObject({ code: 'daemon_unreachable' })
  })

  test('may start the daemon', async () => {
    let starts = 0
    const onNothingListens = async () => {
      starts += 1
      throw new CatchdError('config_invalid')
    }
    const client = new CatchdClient(
      new DaemonConnection({ socketPath: '/nonexistent/catchd.sock', onNothingListens }),
    )
    await expect(take(client.events(), 1)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(starts).toBe(1)
  })

  test('is the only one that may: watching does not undo that somebody stopped the daemon', async () => {
    let tries = 0
    const { server } = await serve((response) => void stream(response).end())
    const folder = mkdtempSync(join(tmpdir(), 'catchd-events-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const socketPath = join(folder, 'catchd.sock')
    await new Promise((resolve) => server.close(resolve))
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    const onNothingListens = async () => {
      tries += 1
    }
    const over = new AbortController()
    const events = new CatchdClient(new DaemonConnection({ socketPath, onNothingListens })).events({
      signal: over.signal,
    })
    expect((await events.next()).value).toMatchObject({ event: 'connected' })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const next = events.next()
    await delay(2_500) // one more connection was tried by then
    over.abort()
    expect([await next, tries]).toEqual([{ done: true, value: undefined }, 0])
  })
})
