/** What the provider of `catchd/mcp` asks the daemon for, and when. With the real SDK: test/flows/mcp-provider.test.ts. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { DaemonError } from '../../src/client/daemon-error.js'
import { catchdAuthProvider, catchdTokenProvider } from '../../src/client/mcp.js'
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
  client.token = async (profile, { login, waitSeconds, scope } = {}) => {
    const needed = scope === undefined ? '' : ` for ${scope}`
    asked.push(`token ${profile} ${login} ${waitSeconds ?? 'at once'}${needed}`)
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
  expect(asked).toEqual(['token gw auto at once', 'token gw auto at once', 'refresh gw instead of at-1'])
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
  expect(await provider.tokens()).toBeUndefined()
  await expect(provider.redirectToAuthorization(REDIRECT)).rejects.toMatchObject({
    code: 'request_invalid',
    profile: 'gw',
    message: expect.stringContaining('provider.fetch') as string,
  })
  const auth = catchdTokenProvider({ profile: 'gw', client })
  expect(await auth.token()).toBeUndefined()
  await expect(auth.onUnauthorized({ response: new Response() })).rejects.toMatchObject({
    code: 'request_invalid',
  })
})

describe('an authorization URL with scopes', () => {
  const at = (scope: string) =>
    new URL(`https://evil.example/authorize?client_id=x&${new URLSearchParams({ scope })}`)
  const lacking = (members: Readonly<Record<string, unknown>> = {}) =>
    new DaemonError('scope_insufficient', { members: { missing: ['b'] } }, members)

  test('that the token does not have: a login for them, and the person is told where', async () => {
    const url = 'https://id.example.com/authorize?x'
    const wide = token('at-2', { scope: 'a b' })
    const pending = lacking({ login_id: 'l-1', authorization_url: url })
    const { client, asked } = daemon([token('at-1'), pending, wide])
    const shown: string[] = []
    const onLogin = (where: string) => void shown.push(where)
    const provider = catchdAuthProvider({ profile: 'gw', client, onLogin, waitSeconds: 30 })
    await provider.tokens()
    await provider.redirectToAuthorization(at('a b'))
    expect(shown).toEqual([url])
    expect(asked.slice(1, 3)).toEqual(['token gw auto at once for a b', 'token gw auto 30 for a b'])
    expect(asked.join()).not.toContain('refresh gw')
    expect((await provider.tokens())?.scope).toBe('a b')
  })

  test('that the token has: it was refused for another reason, and is refreshed', async () => {
    const { client, asked } = daemon([token('at-1', { scope: 'a b' })])
    const provider = catchdAuthProvider({ profile: 'gw', client })
    await provider.tokens()
    await provider.redirectToAuthorization(at('a b'))
    expect(asked.at(-1)).toBe('refresh gw instead of at-1')
  })

  test('that were withheld: the token is refreshed in case it was refused, and the error names them', async () => {
    const { client, asked } = daemon([token('at-1'), lacking(), token('at-1')])
    const provider = catchdAuthProvider({ profile: 'gw', client })
    await provider.tokens()
    await expect(provider.redirectToAuthorization(at('a b'))).rejects.toMatchObject({
      code: 'scope_insufficient',
      missing: ['b'],
    })
    expect(asked.at(-1)).toBe('refresh gw instead of at-1')
  })

  test('that nobody is to be waited for: the error, and no refresh', async () => {
    const { client, asked } = daemon([
      token('at-1'),
      lacking({ login_id: 'l-1', authorization_url: 'https://x/' }),
    ])
    const provider = catchdAuthProvider({ profile: 'gw', client, waitSeconds: 0 })
    await provider.tokens()
    await expect(provider.redirectToAuthorization(at('a b'))).rejects.toMatchObject({
      code: 'scope_insufficient',
    })
    expect(asked.join()).not.toContain('refresh gw')
  })

  test.each(['', ' '])('that are empty (%j) are none', async (scope) => {
    const { client, asked } = daemon([token('at-1')])
    const provider = catchdAuthProvider({ profile: 'gw', client })
    await provider.tokens()
    await provider.redirectToAuthorization(at(scope))
    expect(asked).toEqual(['token gw auto at once', 'token gw auto at once', 'refresh gw instead of at-1'])
  })
})

test('fetch sends the token to the MCP server, and nobody else or public document gets it', async () => {
  const seen: string[] = []
  const listening = async (name: string) => {
    const server = createServer(({ url, headers }, response) => {
      seen.push(`${name}${url} ${headers.authorization ?? 'without'}`)
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const [mcp, other] = [await listening('mcp'), await listening('other')]
  const { client } = daemon([token('at-1')])
  client.profile = async () =>
    ({ configuration: { resource_server: `${mcp}/mcp` } }) as Awaited<ReturnType<CatchdClient['profile']>>
  const { fetch: send } = catchdTokenProvider({ profile: 'gw', client })
  for (const url of [`${mcp}/mcp`, `${mcp}/.well-known/oauth-protected-resource`, `${other}/token`])
    await send(url)
  expect(seen).toEqual([
    'mcp/mcp Bearer at-1',
    'mcp/.well-known/oauth-protected-resource without',
    'other/token without',
  ])
  client.profile = async () => ({ configuration: {} }) as Awaited<ReturnType<CatchdClient['profile']>>
  const nowhere = catchdTokenProvider({ profile: 'gw', client }).fetch(`${mcp}/mcp`)
  await expect(nowhere).rejects.toMatchObject({ code: 'request_invalid', next: 'catchd profile edit gw' })
})

describe('a server that wants no token', () => {
  const open = () => new DaemonError('provider_answer_invalid', { members: { protected: false } })
  const url = 'https://mcp.example.com/mcp'
  const found = { profile: 'mcp', configuration: { issuer: 'https://id.example.com' } }

  function discovering(answers: readonly (object | Error)[]) {
    const { client, asked } = daemon([token('at-1')])
    let count = 0
    client.discoverProfile = async () => {
      const answer = answers[Math.min(count++, answers.length - 1)]
      if (answer instanceof Error) throw answer
      return answer as Awaited<ReturnType<CatchdClient['discoverProfile']>>
    }
    client.profile = async () => found as Awaited<ReturnType<CatchdClient['profile']>>
    return { client, asked, discoveries: () => count }
  }

  test('gets none, and is looked up once', async () => {
    const { client, discoveries } = discovering([open()])
    const provider = catchdAuthProvider({ url, client })
    expect(await provider.tokens()).toBeUndefined()
    expect(await provider.tokens()).toBeUndefined()
    expect(discoveries()).toBe(1)
    expect(await catchdTokenProvider({ url, client }).token()).toBeUndefined()
  })

  test('and refuses a request nevertheless: the failure of a new look', async () => {
    const { client } = discovering([open()])
    const provider = catchdAuthProvider({ url, client })
    await provider.tokens()
    await expect(provider.clientInformation()).rejects.toMatchObject({ code: 'provider_answer_invalid' })
    await expect(provider.redirectToAuthorization(REDIRECT)).rejects.toMatchObject({ isProtected: false })
  })

  test('and wants one later', async () => {
    const { client } = discovering([open(), found])
    const provider = catchdAuthProvider({ url, client })
    expect(await provider.tokens()).toBeUndefined()
    expect(await provider.clientInformation()).toEqual({
      client_id: 'catchd',
      issuer: 'https://id.example.com',
    })
    expect(await provider.tokens()).toMatchObject({ access_token: 'at-1', issuer: 'https://id.example.com' })
  })

  test.each([
    ['unreachable', new DaemonError('provider_unreachable', {})],
    ['with metadata that cannot be used', new DaemonError('provider_answer_invalid', {})],
    ['that says 401', new DaemonError('provider_answer_invalid', { members: { protected: true } })],
    ['of another issuer', new DaemonError('issuer_mismatch', {})],
    ['without registration', new DaemonError('profile_invalid', {})],
  ])('is not one that is %s', async (_what, failure) => {
    const { client } = discovering([failure])
    await expect(catchdAuthProvider({ url, client }).tokens()).rejects.toBe(failure)
    await expect(catchdTokenProvider({ url, client }).token()).rejects.toBe(failure)
  })
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
