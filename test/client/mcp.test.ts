/** What the provider of `catchd/mcp` asks the daemon for, and when. With the real SDK: test/flows/mcp-provider.test.ts. */
import { expect, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { DaemonError } from '../../src/client/daemon-error.js'
import { catchdAuthProvider } from '../../src/client/mcp.js'
import { CatchdError } from '../../src/failures.js'

const token = (access_token: string, changes: object = {}) => ({
  access_token,
  token_type: 'Bearer',
  expires_in: 3600,
  expires_at: null,
  scope: null,
  profile: 'gw',
  context: {},
  ...changes,
})
const loginRequired = (members: object = {}) => new DaemonError('login_required', {}, { ...members })

/** @param answers - What the daemon says to one question after the other; the last one again and again. */
function daemon(answers: readonly (object | Error)[], refresh: object | Error = token('refreshed')) {
  const asked: string[] = []
  const client = new CatchdClient({ socketPath: '/nonexistent/catchd.sock' })
  let count = 0
  const said = (answer: object | Error | undefined) => {
    if (answer instanceof Error) throw answer
    return answer as ReturnType<typeof token>
  }
  client.token = async (profile, { login, waitSeconds } = {}) => {
    asked.push(`token ${profile} ${login} ${waitSeconds ?? 'at once'}`)
    return said(answers[Math.min(count++, answers.length - 1)])
  }
  client.refresh = async (profile, { refused } = {}) => {
    asked.push(`refresh ${profile} instead of ${refused}`)
    return said(refresh)
  }
  return { client, asked }
}

const REDIRECT = new URL('https://id.example.com/authorize')

test('what is not known of a token is left out, and a refresh token is never there', async () => {
  const { client } = daemon([token('at-1', { expires_in: null }), token('at-2', { scope: 'a b' })])
  const provider = catchdAuthProvider({ profile: 'gw', client })
  expect(await provider.tokens()).toEqual({ access_token: 'at-1', token_type: 'Bearer' })
  expect(await provider.tokens()).toEqual({
    access_token: 'at-2',
    token_type: 'Bearer',
    expires_in: 3600,
    scope: 'a b',
  })
})

test('a token that was refused is refreshed', async () => {
  const { client, asked } = daemon([token('at-1')])
  const provider = catchdAuthProvider({ profile: 'gw', client })
  await provider.tokens()
  await provider.redirectToAuthorization(REDIRECT)
  // The daemon knows whether another host has refreshed it meanwhile.
  expect(asked).toEqual(['token gw auto at once', 'refresh gw instead of at-1'])
})

test('a server that asked before it was shown a token causes no refresh', async () => {
  const { client, asked } = daemon([token('at-1')])
  await catchdAuthProvider({ profile: 'gw', client }).redirectToAuthorization(REDIRECT)
  expect(asked).toEqual(['token gw auto at once'])
})

test('one that cannot be refreshed needs a person, who is told where to go', async () => {
  const url = 'https://id.example.com/authorize?x'
  const answers = [token('at-1'), loginRequired({ authorization_url: url }), token('at-2')]
  const { client, asked } = daemon(answers, loginRequired())
  const shown: string[] = []
  const onLogin = (where: string) => void shown.push(where)
  const provider = catchdAuthProvider({ profile: 'gw', client, onLogin, waitSeconds: 30 })
  await provider.tokens()
  await provider.redirectToAuthorization(REDIRECT)
  expect(shown).toEqual([url])
  expect(asked.at(-1)).toBe('token gw auto 30')
})

test('a refresh that fails in another way is that failure', async () => {
  const { client } = daemon([token('at-1')], new CatchdError('provider_unreachable'))
  const provider = catchdAuthProvider({ profile: 'gw', client })
  await provider.tokens()
  await expect(provider.redirectToAuthorization(REDIRECT)).rejects.toMatchObject({
    code: 'provider_unreachable',
  })
})

test.each([
  ['where nobody is to be waited for', 0, { authorization_url: 'https://id.example.com/' }],
  ['where no login was begun', 30, {}],
])('nobody is waited for %s', async (_name, waitSeconds, members) => {
  const { client, asked } = daemon([loginRequired(members)])
  const provider = catchdAuthProvider({ profile: 'gw', client, waitSeconds })
  await expect(provider.tokens()).rejects.toMatchObject({ code: 'login_required' })
  expect(asked).toEqual(['token gw auto at once'])
})

test('tokens that are bound to a key are not sent as if they were not', async () => {
  const { client } = daemon([token('at-1', { token_type: 'DPoP' })])
  const provider = catchdAuthProvider({ profile: 'gw', client })
  await expect(provider.tokens()).rejects.toMatchObject({ code: 'request_invalid', profile: 'gw' })
})

test('a URL is looked up once, and again only after it failed', async () => {
  const { client } = daemon([token('at-1')])
  let asked = 0
  client.discoverProfile = async ({ url }) => {
    asked += 1
    if (asked === 1) throw new CatchdError('provider_unreachable')
    expect(url).toBe('https://mcp.example.com/mcp')
    return { profile: 'mcp' } as Awaited<ReturnType<CatchdClient['discoverProfile']>>
  }
  const provider = catchdAuthProvider({ url: new URL('https://mcp.example.com/mcp'), client })
  await expect(provider.tokens()).rejects.toMatchObject({ code: 'provider_unreachable' })
  await provider.tokens()
  await provider.tokens()
  expect(asked).toBe(2)
})
