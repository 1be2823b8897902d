/** Logins that end at a redirect URI, from their beginning to their end. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import type { PendingLogin } from '../../src/login/login.js'
import type { LoginReport } from '../../src/login/login-report.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { codeOf, codeResponse, REDIRECT_URI, startLogins } from '../support/logins.js'
import { settle } from '../support/manual-clock.js'

test('a code is redeemed with the verifier and redirect URI of its own login, and success is said when it is kept', async () => {
  const { servers, kept, begin, answer } = startLogins()
  const login = await begin()
  const settled = await answer(REDIRECT_URI, codeResponse(login))
  expect(settled.status).toBe('succeeded')
  expect(kept).toEqual(['gw:access-1'])
  expect(servers.redeemed).toHaveLength(1)
  expect(servers.redeemed[0]?.redirectUri).toBe(REDIRECT_URI)
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(login.codeVerifier?.reveal())
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toHaveLength(43)
})

test('the address is bound and the login is in the vault before its authorization URL exists', async () => {
  const { logins, listeners, servers, vault, begin } = startLogins()
  listeners.trouble = new CatchdError('redirect_port_in_use')
  expect(await codeOf(begin())).toBe('redirect_port_in_use')
  expect(servers.prepared).toHaveLength(0)
  listeners.trouble = null
  vault.trouble = 'vault_locked'
  expect(await codeOf(begin())).toBe('vault_locked')
  expect(listeners.held).toEqual([])
  expect(logins.countPending(() => true)).toBe(0)
})

describe('a server with another name for the code', () => {
  const profile = { code_parameter: 'spapi_oauth_code' }

  test('the code is read there, and is no extra parameter', async () => {
    const { begin, answer, servers, kept } = startLogins(profile)
    const { state } = await begin()
    const response = `state=${state.reveal()}&selling_partner_id=S1&spapi_oauth_code=c-1&code=other`
    expect(await answer(REDIRECT_URI, response)).toMatchObject({ status: 'succeeded' })
    expect(servers.redeemed.map(({ code }) => code.reveal())).toEqual(['c-1'])
    expect(kept).toHaveLength(1)
    // A reloaded page is a replay of the same response.
    expect(await answer(REDIRECT_URI, response)).toMatchObject({ status: 'succeeded' })
    expect(servers.redeemed).toHaveLength(1)
  })

  test('after a restart, and when the URL is pasted', async () => {
    const { begin, restart, servers } = startLogins(profile)
    const [first, second] = [await begin(), await begin()]
    const again = restart()
    await again.logins.restore()
    await again.answer(REDIRECT_URI, `spapi_oauth_code=c-1&state=${first.state.reveal()}`)
    const pasted = `${REDIRECT_URI}?spapi_oauth_code=c-2&state=${second.state.reveal()}`
    expect(await again.logins.paste(second.id, pasted)).toMatchObject({ status: 'succeeded' })
    expect(servers.redeemed.map(({ code }) => code.reveal())).toEqual(['c-1', 'c-2'])
  })

  test.each(['code=c-1', 'spapi_oauth_code=', 'spapi_oauth_code=c-1&error=denied'])(
    'a response that has it not, or an error too, gives no code: %s',
    async (parameters) => {
      const { begin, answer, servers } = startLogins(profile)
      const { state } = await begin()
      await answer(REDIRECT_URI, `${parameters}&state=${state.reveal()}`).catch(() => {})
      expect(servers.redeemed).toEqual([])
    },
  )

  test('belongs to the login with this state, not to another on the same redirect URI', async () => {
    const other = { name: 'other', redirect_uri: REDIRECT_URI }
    const { logins, answer, servers } = startLogins(profile, other)
    const { state } = (await logins.begin({ profile: 'other', open: false })) as PendingLogin
    await answer(REDIRECT_URI, `code=c-1&spapi_oauth_code=c-2&state=${state.reveal()}`)
    expect(servers.redeemed.map(({ code }) => code.reveal())).toEqual(['c-1'])
  })
})

describe('what changes nothing', () => {
  const rows: [string, (login: PendingLogin) => string, string][] = [
    ['an empty response', () => '', 'redirect_malformed'],
    ['a code without state', () => 'code=c-1', 'state_unknown'],
    ['an empty state', () => 'code=c-1&state=', 'state_unknown'],
    ['an unknown state', () => 'code=c-1&state=never-issued', 'state_unknown'],
    ['a state cut short', (login) => codeResponse(login).slice(0, -1), 'state_unknown'],
    ['an error with an unknown state', () => 'error=access_denied&state=x', 'state_unknown'],
    ['a repeated state', (login) => `${codeResponse(login)}&state=x`, 'redirect_malformed'],
    ['a repeated code', (login) => `${codeResponse(login)}&code=c-2`, 'redirect_malformed'],
    ['a code with an error', (login) => `${codeResponse(login)}&error=access_denied`, 'redirect_malformed'],
    ['state[] and __proto__', () => 'code=c-1&state[]=x&__proto__=y', 'state_unknown'],
    ['a bad percent sign', (login) => codeResponse(login).replace('c-1', 'c-1%zz'), 'redirect_malformed'],
    ['bad UTF-8', (login) => codeResponse(login).replace('c-1', 'c-1%ff'), 'redirect_malformed'],
    ['an error without state', () => 'error=invalid_scope', 'state_unknown'],
    ['&amp; between the parameters', (login) => codeResponse(login).replace('&', '&amp;'), 'state_unknown'],
    ['a semicolon between them', (login) => codeResponse(login).replace('&', ';'), 'state_unknown'],
    ['capitals', (login) => codeResponse(login).replace('state', 'STATE'), 'state_unknown'],
    [
      'a thousand parameters',
      (login) => codeResponse(login) + Array.from({ length: 1_000 }, (_, n) => `&p${n}=1`).join(''),
      'redirect_malformed',
    ],
    ['only an unknown state', () => 'state=never-issued', 'state_unknown'],
    ['a message without state', () => 'error_message=no', 'redirect_malformed'],
  ]
  test.each(rows)('%s', async (_name, response, code) => {
    const { logins, servers, begin, answer } = startLogins()
    const login = await begin()
    expect(await codeOf(answer(REDIRECT_URI, response(login)))).toBe(code)
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.find(login.id)?.status).toBe('pending')
    expect((await answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
  })

  test("server A's state on server B's redirect URI", async () => {
    const { logins, servers, begin, answer } = startLogins()
    const login = await begin()
    const other = 'http://127.0.0.1:8252/callback/other'
    expect(await codeOf(answer(other, codeResponse(login)))).toBe('state_unknown')
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.find(login.id)?.status).toBe('pending')
  })
})

describe('a known state on its own redirect URI is used up whatever it says', () => {
  test('error ends the login with its cause, its text made harmless', async () => {
    const { servers, begin, answer } = startLogins()
    const login = await begin()
    const settled = await answer(
      REDIRECT_URI,
      `error=access_denied&error_description=no%0d%0aSet-Cookie&state=${login.state.reveal()}`,
    )
    expect(settled).toMatchObject({
      status: 'failed',
      failure: { code: 'authorization_denied', error: 'access_denied' },
    })
    expect(settled.status === 'failed' && settled.failure.errorDescription).toBe('no Set-Cookie')
    expect(servers.redeemed).toHaveLength(0)
  })

  test.each([
    ['authorization_declined', 'authorization_denied'],
    ['consent_required', 'authorization_denied'],
    ['server_error', 'provider_refused'],
  ])('%s is %s', async (error, code) => {
    const { begin, answer } = startLogins()
    const login = await begin()
    const settled = await answer(REDIRECT_URI, `error=${error}&state=${login.state.reveal()}`)
    expect(settled).toMatchObject({ status: 'failed', failure: { code, error } })
  })

  test.each([
    ['another issuer', '&iss=https%3A%2F%2Fevil.example', false],
    ['another case', '&iss=https%3A%2F%2FAS.example', false],
    ['a trailing slash', '&iss=https%3A%2F%2Fas.example%2F', false],
    ['no iss although it is announced', '', true],
  ])('iss: %s is issuer_mismatch and sends no token request', async (_name, iss, announced) => {
    const { logins, servers, begin, answer } = startLogins({ issuer: 'https://as.example' })
    servers.expectedIssuer = 'https://as.example'
    servers.issRequired = announced
    const login = await begin()
    const settled = await answer(REDIRECT_URI, codeResponse(login, iss))
    expect(settled).toMatchObject({ status: 'failed', failure: { code: 'issuer_mismatch' } })
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.countPending(() => true)).toBe(0)
  })

  test('the right iss is accepted, and iss is ignored when the profile names no issuer', async () => {
    const { servers, begin, answer } = startLogins()
    servers.expectedIssuer = 'https://as.example'
    const first = await begin()
    const right = await answer(REDIRECT_URI, codeResponse(first, '&iss=https%3A%2F%2Fas.example'))
    servers.expectedIssuer = null
    const second = await begin()
    const any = await answer(REDIRECT_URI, codeResponse(second, '&iss=https%3A%2F%2Felse.example'))
    expect([right.status, any.status]).toEqual(['succeeded', 'succeeded'])
  })

  test('twice at once and once more later: one redemption, one result', async () => {
    const { servers, begin, answer } = startLogins()
    const login = await begin()
    const both = await Promise.all([
      answer(REDIRECT_URI, codeResponse(login)),
      answer(REDIRECT_URI, codeResponse(login)),
    ])
    const later = await answer(REDIRECT_URI, codeResponse(login))
    expect([...both, later].map(({ id, status }) => [id, status])).toEqual(
      Array.from({ length: 3 }, () => [login.id, 'succeeded']),
    )
    expect(servers.redeemed).toHaveLength(1)
  })
})

test('a token set that cannot be stored is no success', async () => {
  const { tokens, begin, answer } = startLogins()
  tokens.trouble = new CatchdError('vault_locked')
  const settled = await answer(REDIRECT_URI, codeResponse(await begin()))
  expect(settled).toMatchObject({ status: 'failed', failure: { code: 'vault_locked' } })
})

test('a profile edited during the login does not send the code elsewhere', async () => {
  const { profiles, servers, begin, answer } = startLogins()
  const login = await begin()
  profiles.set('gw', testProfile({ token_endpoint: 'https://other.example/token' }))
  const settled = await answer(REDIRECT_URI, codeResponse(login))
  expect(settled).toMatchObject({ status: 'failed', failure: { code: 'profile_invalid' } })
  expect(servers.redeemed).toHaveLength(0)
})

describe('servers that drop state', () => {
  test('the only pending login of the redirect URI is meant', async () => {
    const { begin, answer } = startLogins({ state_echo: false })
    await begin()
    expect((await answer(REDIRECT_URI, 'code=c-1')).status).toBe('succeeded')
  })

  test('two pending logins: neither is, and both survive', async () => {
    const { logins, servers, begin, answer } = startLogins({ state_echo: false })
    await begin()
    await begin()
    expect(await codeOf(answer(REDIRECT_URI, 'code=c-1'))).toBe('state_unknown')
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.countPending(() => true)).toBe(2)
  })

  test('a wrong state is not excused', async () => {
    const { begin, answer } = startLogins({ state_echo: false })
    await begin()
    expect(await codeOf(answer(REDIRECT_URI, 'code=c-1&state=wrong'))).toBe('state_unknown')
  })
})

describe('lifetime', () => {
  test('an expired login ends as expired, by the wall clock, and its response is refused', async () => {
    const { logins, clock, listeners, servers, begin, answer } = startLogins()
    const login = await begin()
    clock.jump(600_000) // no timer fired: the machine slept
    expect(await codeOf(answer(REDIRECT_URI, codeResponse(login)))).toBe('login_expired')
    expect(logins.find(login.id)?.status).toBe('expired')
    expect(servers.redeemed).toHaveLength(0)
    expect(listeners.held).toEqual([])
  })

  test('the timer alone ends it too', async () => {
    const { logins, clock, begin } = startLogins()
    const login = await begin()
    await clock.pass(600_000)
    expect(logins.find(login.id)?.status).toBe('expired')
  })

  test('the oldest of more than a hundred gives way', async () => {
    const { logins, begin } = startLogins()
    const first = await begin()
    for (let count = 0; count < 100; count++) await begin()
    expect(logins.find(first.id)?.status).toBe('cancelled')
    expect(logins.countPending(() => true)).toBe(100)
  })

  test('a thousand in all is the end of it', async () => {
    const { logins, profiles, begin } = startLogins()
    for (let n = 0; n < 10; n++) profiles.set(`p${n}`, testProfile({ name: `p${n}` }))
    for (let n = 0; n < 1_000; n++) await logins.begin({ profile: `p${n % 10}`, open: false })
    expect(await codeOf(begin())).toBe('too_many_logins')
    // One of a profile that has a hundred makes none more: its oldest gives way.
    await logins.begin({ profile: 'p0', open: false })
    expect(logins.countPending(() => true)).toBe(1_000)
  })

  test('one API key can have a quarter of them, and the user still can log in', async () => {
    const { logins, profiles, begin } = startLogins()
    for (let n = 0; n < 10; n++) profiles.set(`p${n}`, testProfile({ name: `p${n}` }))
    for (let n = 0; n < 250; n++) await logins.begin({ profile: `p${n % 10}`, open: false }, 'ci')
    expect(await codeOf(logins.begin({ profile: 'gw', open: false }, 'ci'))).toBe('too_many_logins')
    expect(await codeOf(logins.beginShared('gw', 'ci'))).toBe('too_many_logins')
    await logins.begin({ profile: 'gw', open: false }, 'other')
    expect((await begin()).status).toBe('pending')
  })

  test("a key that floods a profile replaces its own logins first, and never the user's", async () => {
    const { logins, begin } = startLogins()
    const user = await begin()
    const other = await logins.begin({ profile: 'gw', open: false }, 'other')
    const first = await logins.begin({ profile: 'gw', open: false }, 'ci')
    for (let n = 0; n < 150; n++) await logins.begin({ profile: 'gw', open: false }, 'ci')
    const states = [user, other, first].map(({ id }) => logins.find(id)?.status)
    expect(states).toEqual(['pending', 'pending', 'cancelled'])
    for (let n = 0; n < 99; n++) await begin()
    expect(logins.find(user.id)?.status).toBe('pending')
    expect(await codeOf(logins.begin({ profile: 'gw', open: false }, 'ci'))).toBe('too_many_logins')
  })

  test('a key that begins and cancels many logins makes the daemon forget its own', async () => {
    const { logins, begin } = startLogins()
    const user = await begin()
    logins.cancel(user.id)
    for (let n = 0; n < 1_001; n++) {
      const { id } = await logins.begin({ profile: 'gw', open: false }, 'ci')
      logins.cancel(id)
    }
    expect(logins.find(user.id)?.status).toBe('cancelled')
  })

  test('cancelled: the port is released, the response refused, the record gone', async () => {
    const { logins, listeners, vault, begin, answer } = startLogins()
    const login = await begin()
    expect(logins.cancel(login.id)).toBe(true)
    expect(logins.cancel('nobody')).toBe(false)
    expect(listeners.held).toEqual([])
    expect(await codeOf(answer(REDIRECT_URI, codeResponse(login)))).toBe('state_unknown')
    await settle()
    expect([...vault.items.keys()]).toEqual([])
  })
})

describe('after a restart', () => {
  test('a pending login goes on', async () => {
    const { restart, servers, begin } = startLogins()
    const login = await begin()
    const next = restart()
    await next.logins.restore()
    expect(next.logins.find(login.id)?.status).toBe('pending')
    expect((await next.answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
    expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(login.codeVerifier?.reveal())
  })

  test('a login that was being exchanged ends in one login_required, and its code is not sent again', async () => {
    const { restart, servers, begin, answer } = startLogins()
    const login = await begin()
    servers.gate = new Promise(() => {})
    void answer(REDIRECT_URI, codeResponse(login))
    await expect.poll(() => servers.redeemed.length).toBe(1)
    const next = restart()
    await next.logins.restore()
    expect(next.logins.find(login.id)).toMatchObject({
      status: 'failed',
      failure: { code: 'login_required' },
    })
    expect(await codeOf(next.answer(REDIRECT_URI, codeResponse(login)))).toBe('state_unknown')
    expect(servers.redeemed).toHaveLength(1)
    const third = restart()
    await third.logins.restore()
    expect(third.logins.find(login.id)).toBeUndefined()
  })

  test('a vault that was locked at the start is asked again when a response comes', async () => {
    const { restart, vault, begin } = startLogins()
    const login = await begin()
    const next = restart()
    vault.trouble = 'vault_locked'
    await next.logins.restore()
    expect(next.logins.find(login.id)).toBeUndefined()
    vault.trouble = null
    expect((await next.answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
  })
})

test('a login that begins while those of the last run are being read is there once', async () => {
  const { restart, vault, listeners, begin, logins } = startLogins()
  logins.cancel((await begin()).id)
  const next = restart()
  vault.trouble = 'vault_locked'
  await next.logins.restore()
  vault.trouble = null
  let release = () => {}
  const stored = new Promise<void>((resolve) => {
    release = resolve
  })
  const set = vault.set.bind(vault)
  vault.set = async (name, value) => {
    await set(name, value)
    await stored
  }
  const beginning = next.begin()
  await settle()
  await next.logins.restore()
  release()
  const login = await beginning
  expect(listeners.held).toEqual([REDIRECT_URI])
  expect((await next.answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
  expect(listeners.held).toEqual([])
})

test('what was cut off is told at once where the vault is locked, and ends once', async () => {
  const { restart, servers, vault, begin, answer } = startLogins()
  const login = await begin()
  servers.gate = new Promise(() => {})
  void answer(REDIRECT_URI, codeResponse(login))
  await expect.poll(() => servers.redeemed.length).toBe(1)
  const next = restart()
  vault.trouble = 'vault_locked'
  await next.logins.restore()
  expect(next.logins.find(login.id)).toMatchObject({ status: 'failed', failure: { code: 'login_required' } })
  vault.trouble = null
  await next.logins.restore()
  expect([...vault.items.keys()]).toEqual([])
  const third = restart()
  await third.logins.restore()
  expect(third.logins.find(login.id)).toBeUndefined()
})

test('a response that comes while the logins of the last run are being read waits for them', async () => {
  const { restart, vault, begin } = startLogins()
  const login = await begin()
  const next = restart()
  const read = vault.get.bind(vault)
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  vault.get = async (name) => {
    await gate
    return read(name)
  }
  const restoring = next.logins.restore()
  const answered = next.answer(REDIRECT_URI, codeResponse(login))
  await settle()
  release()
  expect((await answered).status).toBe('succeeded')
  await restoring
})

test('behind a tunnel, which hides the scheme, the redirect URI that a login waits on is meant', async () => {
  const redirectUri = 'https://tunnel.example/cb'
  const { logins, configure, begin } = startLogins({ redirect_uri: redirectUri })
  configure('http://tunnel.example/cb')
  await begin()
  expect(logins.findRedirectUri('tunnel.example', '/cb')).toBe(redirectUri)
  expect(logins.findRedirectUri('tunnel.example', '/cb', 'http')).toBe('http://tunnel.example/cb')
})

test('a thousand settled logins are remembered, and what pends besides', async () => {
  const { logins, begin, answer } = startLogins()
  const pending = await begin()
  const settled: PendingLogin[] = []
  for (let n = 0; n <= 1_000; n++) {
    const login = await begin()
    settled.push(login)
    await answer(REDIRECT_URI, codeResponse(login))
  }
  const [first, second] = settled as [PendingLogin, PendingLogin]
  expect([logins.find(first.id), logins.find(second.id)?.status]).toEqual([undefined, 'succeeded'])
  expect(await codeOf(answer(REDIRECT_URI, codeResponse(first)))).toBe('state_unknown')
  expect((await answer(REDIRECT_URI, codeResponse(second))).id).toBe(second.id)
  expect(logins.find(pending.id)?.status).toBe('pending')
})

describe('paste-back', () => {
  test('the URL the browser ended on finishes the login', async () => {
    const { logins, begin } = startLogins()
    const login = await begin()
    expect((await logins.paste(login.id, ` ${REDIRECT_URI}?${codeResponse(login)}\n`)).status).toBe(
      'succeeded',
    )
  })

  test.each([
    ['not a URL', () => 'c-1', 'redirect_malformed'],
    [
      'another address',
      (login: PendingLogin) => `http://evil.example/?${codeResponse(login)}`,
      'redirect_malformed',
    ],
    ['the response of another login', () => `${REDIRECT_URI}?code=c-1&state=other`, 'state_unknown'],
  ])('%s is refused and the login survives', async (_name, url, code) => {
    const { logins, begin } = startLogins()
    const login = await begin()
    expect(await codeOf(logins.paste(login.id, url(login)))).toBe(code)
    expect(logins.find(login.id)?.status).toBe('pending')
  })
})

test('waiting ends with the login, with its time, or with the caller', async () => {
  const { logins, clock, begin, answer } = startLogins()
  const login = await begin()
  const never = new AbortController()
  const short = logins.wait(login.id, 1_000, never.signal)
  await clock.pass(1_000)
  expect((await short)?.status).toBe('pending')
  const gone = new AbortController()
  const abandoned = logins.wait(login.id, 60_000, gone.signal)
  gone.abort()
  expect((await abandoned)?.status).toBe('pending')
  const long = logins.wait(login.id, 60_000, never.signal)
  await answer(REDIRECT_URI, codeResponse(login))
  expect((await long)?.status).toBe('succeeded')
  expect(await logins.wait('nobody', 1_000, never.signal)).toBeUndefined()
})

test('ten tools that ask for an automatic login share one tab; a person may open another', async () => {
  const { logins, opened } = startLogins()
  const joined = await Promise.all(Array.from({ length: 10 }, () => logins.beginShared('gw')))
  expect(new Set(joined.map(({ id }) => id)).size).toBe(1)
  expect(opened).toHaveLength(1)
  logins.cancel(joined[0]?.id ?? '')
  await settle()
  await expect(logins.beginShared('gw')).rejects.toMatchObject({ code: 'login_required' })
  const own = await logins.begin({ profile: 'gw', open: true })
  expect((await logins.beginShared('gw')).id).toBe(own.id)
  expect(opened).toHaveLength(2)
})

test('twenty interleaved logins are not crossed', async () => {
  const { servers, begin, answer } = startLogins()
  const begun = await Promise.all(Array.from({ length: 20 }, () => begin()))
  const mixed = [...begun].sort((a, b) => a.id.localeCompare(b.id))
  await Promise.all(mixed.map((login) => answer(REDIRECT_URI, codeResponse(login))))
  expect(servers.redeemed.map((grant) => grant.codeVerifier?.reveal()).sort()).toEqual(
    begun.map((login) => login.codeVerifier?.reveal()).sort(),
  )
})

describe('the report', () => {
  const report = (login: unknown) => (login as { report?: LoginReport }).report

  test('of an authorization error: the request without secrets, the answer and the likely cause', async () => {
    const { begin, answer } = startLogins()
    const login = await begin()
    const state = login.state.reveal()
    const settled = await answer(
      REDIRECT_URI,
      `error=redirect_uri_mismatch&error_description=${state}&state=${encodeURIComponent(state)}`,
    )
    expect(report(settled)?.exchanges).toMatchObject([
      {
        endpoint: 'as.example/authorize',
        sent: { state: '[secret]', redirect_uri: REDIRECT_URI },
        answered: { error: 'redirect_uri_mismatch', error_description: '[secret]' },
      },
    ])
    expect(report(settled)?.causes[0]).toMatchObject({
      cause: 'redirect_uri_mismatch',
      fix: { register: REDIRECT_URI },
    })
    expect(JSON.stringify(report(settled))).not.toContain(state)
  })

  test('of a refused code compares the profile with what the server publishes', async () => {
    const scene = startLogins({
      client_secret: { env: 'X' },
      token_endpoint_auth_method: 'client_secret_basic',
    })
    scene.servers.metadata = {
      issuer: 'https://as.example',
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    }
    scene.servers.answer = () => {
      throw new CatchdError('provider_refused', { error: 'invalid_client' })
    }
    const login = await scene.begin()
    const settled = await scene.answer(REDIRECT_URI, codeResponse(login))
    expect(report(settled)?.exchanges[0]?.answered).toEqual({ code: '[secret]' })
    expect(report(settled)?.causes[0]?.fix.set).toBe('"token_endpoint_auth_method": "client_secret_post"')
  })

  test('a request that the server refused before a browser opened is remembered', async () => {
    const { logins, servers, begin } = startLogins()
    const { prepare } = servers
    const refuseWith = (code: 'provider_refused' | 'provider_unreachable') => {
      servers.prepare = async () => {
        throw new CatchdError(code, { error: 'invalid_dpop_proof' })
      }
    }
    refuseWith('provider_unreachable')
    await expect(begin()).rejects.toMatchObject({ code: 'provider_unreachable' })
    expect(logins.ofProfile('gw')).toEqual([])
    refuseWith('provider_refused')
    await expect(begin()).rejects.toMatchObject({ code: 'provider_refused' })
    expect(logins.ofProfile('gw')).toMatchObject([
      { status: 'failed', failure: { code: 'provider_refused', message: expect.stringContaining('DPoP') } },
    ])
    expect(logins.pendingOf('gw')).toEqual([])
    servers.prepare = prepare
    const login = await begin()
    expect(logins.ofProfile('gw')[0]?.id).toBe(login.id)
  })

  test('of a login that nobody answered points to the redirect URI', async () => {
    const { logins, clock, begin } = startLogins()
    const login = await begin()
    await clock.pass(601_000)
    const over = logins.find(login.id)
    expect(over?.status).toBe('expired')
    expect(report(over)?.causes[0]).toMatchObject({ fix: { register: REDIRECT_URI } })
    expect(report(over)?.exchanges[0]?.trouble).toContain('No response')
  })

  test('says nothing about a profile that was pointed elsewhere meanwhile', async () => {
    const { profiles, begin, answer } = startLogins()
    const login = await begin()
    profiles.set('gw', testProfile({ token_endpoint: 'https://other.example/token' }))
    const settled = await answer(REDIRECT_URI, codeResponse(login))
    expect(settled).toMatchObject({ status: 'failed', failure: { code: 'profile_invalid' } })
    expect(report(settled)?.causes).toEqual([])
  })

  test('of a success has causes only where no refresh token came and one is offered', async () => {
    const { servers, begin, answer } = startLogins()
    servers.answer = () => tokenResponse({ refreshToken: null })
    const answered = async () => {
      const login = await begin()
      return report(await answer(REDIRECT_URI, codeResponse(login)))
    }
    expect((await answered())?.causes).toEqual([])
    servers.metadata = { issuer: 'https://as.example', scopes_supported: ['offline_access'] }
    expect((await answered())?.causes).toMatchObject([{ cause: 'offline_scope_missing' }])
    servers.answer = () => tokenResponse()
    expect(await answered()).toMatchObject({ causes: [], exchanges: [{ answered: { code: '[secret]' } }] })
  })

  test('of one that cannot begin stands in the failure itself', async () => {
    const { servers, begin } = startLogins()
    servers.prepare = () =>
      Promise.reject(
        new CatchdError('provider_unreachable', {
          detail: 'No.',
          evidence: { reason: 'SELF_SIGNED_CERT_IN_CHAIN' },
        }),
      )
    await expect(begin()).rejects.toMatchObject({
      code: 'provider_unreachable',
      detail: expect.stringMatching(/^No\. Likely cause: .*Set "ca_file": "PATH\.pem" in the profile\.$/),
      next: 'catchd profile edit gw',
    })
  })

  test('the logins of a profile are found again, the newest first', async () => {
    const { logins, begin } = startLogins()
    const [first, second] = [await begin(), await begin()]
    expect(logins.ofProfile('gw').map(({ id }) => id)).toEqual([second.id, first.id])
    expect(logins.ofProfile('other')).toEqual([])
  })
})
