/** A program that asks again for the token that it was just given: the token counts as refused, within limits. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { issued } from '../../support/composed-daemon.js'
import { openApi, serveApi } from './opened-api.js'

const KUBECTL = 'a'.repeat(64)
const OTHER = 'b'.repeat(64)
const MINUTE_MS = 60_000
const PROFILE = { issuer: 'https://id.example.com', client_id: 'catchd', scope: 'openid' }

async function start() {
  const api = await openApi({ config: { profiles: { gw: PROFILE, other: PROFILE } } })
  await api.logIn('gw')
  await api.logIn('other')
  const ask = async (asker: string | undefined, { profile = 'gw', path = '', key = api.adminKey } = {}) => {
    const headers: Record<string, string> = asker === undefined ? {} : { 'catchd-asker': asker }
    const answer = await api.call('GET', `/v1/tokens/${profile}${path}`, { headers, key })
    expect(answer.status).toBe(200)
    const { access_token, id_token } = JSON.parse(answer.text)
    return String(access_token ?? id_token)
  }
  const askAfter = (ms: number) => {
    api.clock.jump(ms)
    return ask(KUBECTL)
  }
  return { ...api, ask, askAfter, refreshes: () => api.servers.refreshed.length }
}

type Started = Awaited<ReturnType<typeof start>>

test('asking again brings another token, and two in a row at most', async () => {
  const { ask, refreshes } = await start()
  const tokens: string[] = []
  for (let count = 0; count < 6; count += 1) tokens.push(await ask(KUBECTL))
  expect(new Set(tokens).size).toBe(3)
  expect(tokens.slice(3)).toEqual([tokens[2], tokens[2], tokens[2]])
  expect(refreshes()).toBe(2)
})

test('the programs that were given the refused token get the new one, without a refresh each', async () => {
  const { ask, refreshes } = await start()
  const askers = ['1', '2', '3'].map((digit) => digit.repeat(64))
  for (const asker of askers) await ask(asker)
  const tokens = await Promise.all(askers.map((asker) => ask(asker)))
  expect(new Set(tokens).size).toBe(1)
  expect(refreshes()).toBe(1)
})

test.each<[string, (started: Started) => Promise<unknown>]>([
  ['another program', ({ ask }) => ask(OTHER)],
  ['for another profile', ({ ask }) => ask(KUBECTL, { profile: 'other' })],
  ['without a name', ({ ask }) => ask(undefined)],
  ['for the id_token', ({ ask }) => ask(KUBECTL, { path: '/id_token' })],
  ['five minutes later', ({ askAfter }) => askAfter(5 * MINUTE_MS)],
  ['with a clock that was set back', ({ askAfter }) => askAfter(-1_000)],
  [
    'with another API key',
    async ({ ask, keys }) => {
      const rights = { profiles: ['gw'], actions: ['token' as const], expiresInSeconds: null }
      const { key } = await keys.add({ name: 'ci', ...rights })
      return ask(KUBECTL, { key: key.reveal() })
    },
  ],
])('who asks %s refuses nothing', async (_how, again) => {
  const started = await start()
  await started.ask(KUBECTL)
  await again(started)
  expect(started.refreshes()).toBe(0)
})

test('a token that ran out is refreshed once, and its successor is not refused by that', async () => {
  const { ask, refreshes, clock, call } = await start()
  await ask(KUBECTL)
  clock.jump(4 * MINUTE_MS)
  await ask(KUBECTL, { path: '?min_ttl=3500' }) // as if it had expired
  expect(refreshes()).toBe(1)
  await call('POST', '/v1/tokens/gw/refresh')
  await ask(KUBECTL)
  expect(refreshes()).toBe(2)
})

test.each(['', 'kubectl', 'A'.repeat(64), 'a'.repeat(63), 'a'.repeat(65), `${KUBECTL}, ${KUBECTL}`])(
  'the name %j is none',
  async (name) => {
    const { ask, refreshes } = await start()
    await ask(name)
    await ask(name)
    expect(refreshes()).toBe(0)
  },
)

test('an id_token counts too', async () => {
  const { ask, refreshes } = await start()
  await ask(KUBECTL, { path: '/id_token' })
  await ask(KUBECTL, { path: '/id_token' })
  expect(refreshes()).toBe(1)
})

describe('it is a guess, so that it denies no token', () => {
  test('when the server does not answer', async () => {
    const { ask, servers } = await start()
    const error = new CatchdError('provider_unreachable')
    servers.refreshAnswer = () => ({ outcome: 'retry_later', error, retryAfterSeconds: null })
    expect(await ask(KUBECTL)).toBe(await ask(KUBECTL))
  })

  test('when the server refuses the refresh token', async () => {
    const { ask, servers } = await start()
    const error = new CatchdError('provider_refused', { error: 'invalid_grant' })
    servers.refreshAnswer = () => ({ outcome: 'reauthorize', error })
    expect(await ask(KUBECTL)).toBe(await ask(KUBECTL))
  })

  test('when there is no refresh token', async () => {
    const { ask, logIn, refreshes } = await start()
    await logIn('gw', { refreshToken: null })
    expect(await ask(KUBECTL)).toBe(await ask(KUBECTL))
    expect(refreshes()).toBe(0)
  })
})

test('names of old programs make room for new ones', async () => {
  const { ask, refreshes } = await start()
  await ask(KUBECTL)
  for (let count = 0; count < 1_000; count += 1) await ask(count.toString(16).padStart(64, '0'))
  await ask(KUBECTL)
  expect(refreshes()).toBe(0)
})

test('over the socket, where the fast path answers other calls', async () => {
  const { socket, logIn, servers } = await serveApi({ config: { profiles: { gw: PROFILE } } })
  await logIn('gw')
  servers.refreshAnswer = () => ({ outcome: 'refreshed', response: issued() })
  const ask = () => socket({ target: '/v1/tokens/gw', headers: [`catchd-asker: ${KUBECTL}`] })
  expect((await ask()).status).toBe(200)
  expect(servers.refreshed).toHaveLength(0)
  expect((await ask()).status).toBe(200)
  expect(servers.refreshed).toHaveLength(1)
})
