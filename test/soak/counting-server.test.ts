import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exchange } from '../support/http-client.js'
import { CountingServer } from './counting-server.js'

let server: CountingServer
beforeEach(async () => {
  server = await CountingServer.start()
})
afterEach(() => server.close())

const VERIFIER = 'v'.repeat(43)
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

async function send(fields: Record<string, string>) {
  const { status, body } = await exchange(`${server.origin}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })
  return { status, tokens: JSON.parse(body) as { access_token: string; refresh_token: string } }
}

function code(): string {
  const request = `${server.origin}/authorize?state=s&redirect_uri=http://127.0.0.1:1/&code_challenge=${CHALLENGE}`
  return new URL(server.approve(request)).searchParams.get('code') ?? ''
}

const redeem = (value: string) =>
  send({ grant_type: 'authorization_code', code: value, code_verifier: VERIFIER })
const refresh = (token: string) => send({ grant_type: 'refresh_token', refresh_token: token })

test('a code that comes twice is counted, and its tokens are revoked', async () => {
  const value = code()
  const { status, tokens } = await redeem(value)
  expect(status).toBe(200)
  expect((await redeem(value)).status).toBe(400)
  expect(server.counts).toMatchObject({ codesRedeemedTwice: 1, refreshTokensReplayed: 0 })
  expect((await refresh(tokens.refresh_token)).status).toBe(400)
})

test('a rotated refresh token that comes again is counted, and its successor is revoked; a third time is a replay', async () => {
  const first = (await redeem(code())).tokens
  const second = (await refresh(first.refresh_token)).tokens
  expect(second.refresh_token).not.toBe(first.refresh_token)
  expect(server.counts.refreshTokensTriedAgain).toBe(0)
  expect((await refresh(first.refresh_token)).status).toBe(400)
  expect((await refresh(second.refresh_token)).status).toBe(400)
  expect(server.counts).toMatchObject({
    codesRedeemedTwice: 0,
    refreshTokensTriedAgain: 1,
    refreshTokensReplayed: 0,
  })
  await refresh(first.refresh_token)
  expect(server.counts).toMatchObject({ refreshTokensTriedAgain: 1, refreshTokensReplayed: 1 })
})

test('a held request has rotated the token although nobody was answered', async () => {
  const { refresh_token } = (await redeem(code())).tokens
  const { received } = server.watchNext({ hold: true })
  void refresh(refresh_token).catch(() => {})
  await received
  expect((await refresh(refresh_token)).status).toBe(400)
  expect(server.counts.refreshTokensTriedAgain).toBe(1)
})

test('a grace period takes a rotated refresh token once more', async () => {
  const forgiving = await CountingServer.start('grace')
  await server.close()
  server = forgiving
  const { refresh_token } = (await redeem(code())).tokens
  const statuses = [await refresh(refresh_token), await refresh(refresh_token), await refresh(refresh_token)]
  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 400])
  expect(server.counts).toMatchObject({ refreshTokensTriedAgain: 1, refreshTokensReplayed: 1 })
})
