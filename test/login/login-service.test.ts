import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import type { RedirectListeners } from '../../src/login/doorway.js'
import { LoginJournal } from '../../src/login/journal.js'
import type { PendingLogin } from '../../src/login/login.js'
import type { LoginReport } from '../../src/login/login-report.js'
import { LoginService } from '../../src/login/login-service.js'
import { LoginStore } from '../../src/login/login-store.js'
import { SharedLogins } from '../../src/login/shared-logins.js'
import {
  FakeAuthorizationServers,
  testProfile,
  tokenResponse,
} from '../support/fake-authorization-servers.js'
import { FakeVault } from '../support/fake-vault.js'
import { ManualClock, settle } from '../support/manual-clock.js'

const REDIRECT_URI = 'http://127.0.0.1:8252/callback/gw'
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

class FakeListeners implements RedirectListeners {
  readonly held: string[] = []
  taken = false

  async acquire(redirectUri: string) {
    if (this.taken) throw new CatchdError('redirect_port_in_use')
    this.held.push(redirectUri)
    return { redirectUri, release: () => void this.held.splice(this.held.indexOf(redirectUri), 1) }
  }
}

function start(changes: Partial<Profile> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-login-'))
  folders.push(folder)
  const clock = new ManualClock()
  const vault = new FakeVault()
  const servers = new FakeAuthorizationServers()
  const listeners = new FakeListeners()
  const profiles = new Map([['gw', testProfile(changes)]])
  const kept: string[] = []
  const opened: string[] = []
  const tokens = { trouble: null as CatchdError | null }
  const make = () => {
    const journal = new LoginJournal(join(folder, 'logins.journal'))
    journal.open()
    return new LoginService({
      clock,
      servers,
      listeners,
      store: new LoginStore(vault, journal),
      tokens: {
        logoutGeneration: () => 0,
        prepareStore: () => {},
        async keep(profile, set) {
          if (tokens.trouble !== null) throw tokens.trouble
          kept.push(`${profile}:${set.accessToken.reveal()}`)
        },
      },
      profiles: {
        profile(name) {
          const found = profiles.get(name)
          if (found === undefined) throw new CatchdError('profile_unknown')
          return found
        },
        issRequired: () => false,
      },
      openBrowser: async (url) => void opened.push(url),
      describeVault: () => 'memory',
      timeoutSeconds: 600,
      log: () => {},
    })
  }
  return { clock, vault, servers, listeners, profiles, kept, opened, tokens, logins: make(), restart: make }
}

const begin = (logins: LoginService) => logins.begin({ profile: 'gw', open: false })
const codeResponse = (login: PendingLogin, extra = '') =>
  `code=c-1&state=${encodeURIComponent(login.state.reveal())}${extra}`
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof CatchdError ? error.code : String(error)),
  )

test('a code is redeemed with the verifier and redirect URI of its own login, and success is said when it is kept', async () => {
  const { logins, servers, kept } = start()
  const login = await begin(logins)
  const settled = await logins.answer(REDIRECT_URI, codeResponse(login))
  expect(settled.status).toBe('succeeded')
  expect(kept).toEqual(['gw:access-1'])
  expect(servers.redeemed).toHaveLength(1)
  expect(servers.redeemed[0]?.redirectUri).toBe(REDIRECT_URI)
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(login.codeVerifier?.reveal())
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toHaveLength(43)
})

test('the address is bound and the login is in the vault before its authorization URL exists', async () => {
  const { logins, listeners, servers, vault } = start()
  listeners.taken = true
  expect(await codeOf(begin(logins))).toBe('redirect_port_in_use')
  expect(servers.prepared).toHaveLength(0)
  listeners.taken = false
  vault.trouble = 'vault_locked'
  expect(await codeOf(begin(logins))).toBe('vault_locked')
  expect(listeners.held).toEqual([])
  expect(logins.countPending(() => true)).toBe(0)
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
    ['a bad percent sign', (login) => `${codeResponse(login)}&x=%zz`, 'redirect_malformed'],
    ['bad UTF-8', (login) => `${codeResponse(login)}&x=%ff`, 'redirect_malformed'],
    [
      'a thousand parameters',
      (login) => codeResponse(login) + Array.from({ length: 1_000 }, (_, n) => `&p${n}=1`).join(''),
      'redirect_malformed',
    ],
    ['only a state', (login) => `state=${login.state.reveal()}`, 'redirect_malformed'],
  ]
  test.each(rows)('%s', async (_name, response, code) => {
    const { logins, servers } = start()
    const login = await begin(logins)
    expect(await codeOf(logins.answer(REDIRECT_URI, response(login)))).toBe(code)
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.find(login.id)?.status).toBe('pending')
    expect((await logins.answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
  })

  test("server A's state on server B's redirect URI", async () => {
    const { logins, servers } = start()
    const login = await begin(logins)
    const other = 'http://127.0.0.1:8252/callback/other'
    expect(await codeOf(logins.answer(other, codeResponse(login)))).toBe('state_unknown')
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.find(login.id)?.status).toBe('pending')
  })
})

describe('a known state on its own redirect URI is used up whatever it says', () => {
  test('error ends the login with its cause, its text made harmless', async () => {
    const { logins, servers } = start()
    const login = await begin(logins)
    const settled = await logins.answer(
      REDIRECT_URI,
      `error=access_denied&error_description=no%0d%0aSet-Cookie&state=${login.state.reveal()}`,
    )
    expect(settled).toMatchObject({
      status: 'failed',
      failure: { code: 'authorization_denied', error: 'access_denied' },
    })
    expect(settled.status === 'failed' && settled.failure.errorDescription).toBe('no  Set-Cookie')
    expect(servers.redeemed).toHaveLength(0)
  })

  test.each([
    ['another issuer', '&iss=https%3A%2F%2Fevil.example', false],
    ['another case', '&iss=https%3A%2F%2FAS.example', false],
    ['a trailing slash', '&iss=https%3A%2F%2Fas.example%2F', false],
    ['no iss although it is announced', '', true],
  ])('iss: %s is issuer_mismatch and sends no token request', async (_name, iss, announced) => {
    const { logins, servers } = start({ issuer: 'https://as.example' })
    servers.expectedIssuer = 'https://as.example'
    servers.issRequired = announced
    const login = await begin(logins)
    const settled = await logins.answer(REDIRECT_URI, codeResponse(login, iss))
    expect(settled).toMatchObject({ status: 'failed', failure: { code: 'issuer_mismatch' } })
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.countPending(() => true)).toBe(0)
  })

  test('the right iss is accepted, and iss is ignored when the profile names no issuer', async () => {
    const { logins, servers } = start()
    servers.expectedIssuer = 'https://as.example'
    const first = await begin(logins)
    const right = await logins.answer(REDIRECT_URI, codeResponse(first, '&iss=https%3A%2F%2Fas.example'))
    servers.expectedIssuer = null
    const second = await begin(logins)
    const any = await logins.answer(REDIRECT_URI, codeResponse(second, '&iss=https%3A%2F%2Felse.example'))
    expect([right.status, any.status]).toEqual(['succeeded', 'succeeded'])
  })

  test('twice at once and once more later: one redemption, one result', async () => {
    const { logins, servers } = start()
    const login = await begin(logins)
    const both = await Promise.all([
      logins.answer(REDIRECT_URI, codeResponse(login)),
      logins.answer(REDIRECT_URI, codeResponse(login)),
    ])
    const later = await logins.answer(REDIRECT_URI, codeResponse(login))
    expect([...both, later].map(({ id, status }) => [id, status])).toEqual(
      Array.from({ length: 3 }, () => [login.id, 'succeeded']),
    )
    expect(servers.redeemed).toHaveLength(1)
  })
})

test('a token set that cannot be stored is no success', async () => {
  const { logins, tokens } = start()
  tokens.trouble = new CatchdError('vault_locked')
  const settled = await logins.answer(REDIRECT_URI, codeResponse(await begin(logins)))
  expect(settled).toMatchObject({ status: 'failed', failure: { code: 'vault_locked' } })
})

test('a profile edited during the login does not send the code elsewhere', async () => {
  const { logins, profiles, servers } = start()
  const login = await begin(logins)
  profiles.set('gw', testProfile({ token_endpoint: 'https://other.example/token' }))
  const settled = await logins.answer(REDIRECT_URI, codeResponse(login))
  expect(settled).toMatchObject({ status: 'failed', failure: { code: 'profile_invalid' } })
  expect(servers.redeemed).toHaveLength(0)
})

describe('servers that drop state', () => {
  test('the only pending login of the redirect URI is meant', async () => {
    const { logins } = start({ state_echo: false })
    await begin(logins)
    expect((await logins.answer(REDIRECT_URI, 'code=c-1')).status).toBe('succeeded')
  })

  test('two pending logins: neither is, and both survive', async () => {
    const { logins, servers } = start({ state_echo: false })
    await begin(logins)
    await begin(logins)
    expect(await codeOf(logins.answer(REDIRECT_URI, 'code=c-1'))).toBe('state_unknown')
    expect(servers.redeemed).toHaveLength(0)
    expect(logins.countPending(() => true)).toBe(2)
  })

  test('a wrong state is not excused', async () => {
    const { logins } = start({ state_echo: false })
    await begin(logins)
    expect(await codeOf(logins.answer(REDIRECT_URI, 'code=c-1&state=wrong'))).toBe('state_unknown')
  })
})

describe('lifetime', () => {
  test('an expired login ends as expired, by the wall clock, and its response is refused', async () => {
    const { logins, clock, listeners, servers } = start()
    const login = await begin(logins)
    clock.jump(600_000) // no timer fired: the machine slept
    expect(await codeOf(logins.answer(REDIRECT_URI, codeResponse(login)))).toBe('login_expired')
    expect(logins.find(login.id)?.status).toBe('expired')
    expect(servers.redeemed).toHaveLength(0)
    expect(listeners.held).toEqual([])
  })

  test('the timer alone ends it too', async () => {
    const { logins, clock } = start()
    const login = await begin(logins)
    await clock.pass(600_000)
    expect(logins.find(login.id)?.status).toBe('expired')
  })

  test('the oldest of more than a hundred gives way', async () => {
    const { logins } = start()
    const first = await begin(logins)
    for (let count = 0; count < 100; count++) await begin(logins)
    expect(logins.find(first.id)?.status).toBe('cancelled')
    expect(logins.countPending(() => true)).toBe(100)
  })

  test('a thousand in all is the end of it', async () => {
    const { logins, profiles } = start()
    for (let n = 0; n < 10; n++) profiles.set(`p${n}`, testProfile({ name: `p${n}` }))
    for (let n = 0; n < 1_000; n++) await logins.begin({ profile: `p${n % 10}`, open: false })
    expect(await codeOf(begin(logins))).toBe('too_many_logins')
    // One of a profile that has a hundred makes none more: its oldest gives way.
    await logins.begin({ profile: 'p0', open: false })
    expect(logins.countPending(() => true)).toBe(1_000)
  })

  test('cancelled: the port is released, the response refused, the record gone', async () => {
    const { logins, listeners, vault } = start()
    const login = await begin(logins)
    expect(logins.cancel(login.id)).toBe(true)
    expect(logins.cancel('nobody')).toBe(false)
    expect(listeners.held).toEqual([])
    expect(await codeOf(logins.answer(REDIRECT_URI, codeResponse(login)))).toBe('state_unknown')
    await settle()
    expect([...vault.items.keys()]).toEqual([])
  })
})

describe('after a restart', () => {
  test('a pending login goes on', async () => {
    const { logins, restart, servers } = start()
    const login = await begin(logins)
    const next = restart()
    await next.restore()
    expect(next.find(login.id)?.status).toBe('pending')
    expect((await next.answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
    expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(login.codeVerifier?.reveal())
  })

  test('a login that was being exchanged ends in one login_required, and its code is not sent again', async () => {
    const { logins, restart, servers } = start()
    const login = await begin(logins)
    servers.gate = new Promise(() => {})
    void logins.answer(REDIRECT_URI, codeResponse(login))
    await expect.poll(() => servers.redeemed.length).toBe(1)
    const next = restart()
    await next.restore()
    expect(next.find(login.id)).toMatchObject({ status: 'failed', failure: { code: 'login_required' } })
    expect(await codeOf(next.answer(REDIRECT_URI, codeResponse(login)))).toBe('state_unknown')
    expect(servers.redeemed).toHaveLength(1)
    const third = restart()
    await third.restore()
    expect(third.find(login.id)).toBeUndefined()
  })

  test('a vault that was locked at the start is asked again when a response comes', async () => {
    const { logins, restart, vault } = start()
    const login = await begin(logins)
    const next = restart()
    vault.trouble = 'vault_locked'
    await next.restore()
    expect(next.find(login.id)).toBeUndefined()
    vault.trouble = null
    expect((await next.answer(REDIRECT_URI, codeResponse(login))).status).toBe('succeeded')
  })
})

test('a response that comes while the logins of the last run are being read waits for them', async () => {
  const { logins, restart, vault } = start()
  const login = await begin(logins)
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
  const restoring = next.restore()
  const answered = next.answer(REDIRECT_URI, codeResponse(login))
  await settle()
  release()
  expect((await answered).status).toBe('succeeded')
  await restoring
})

describe('paste-back', () => {
  test('the URL the browser ended on finishes the login', async () => {
    const { logins } = start()
    const login = await begin(logins)
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
    const { logins } = start()
    const login = await begin(logins)
    expect(await codeOf(logins.paste(login.id, url(login)))).toBe(code)
    expect(logins.find(login.id)?.status).toBe('pending')
  })
})

test('waiting ends with the login, with its time, or with the caller', async () => {
  const { logins, clock } = start()
  const login = await begin(logins)
  const never = new AbortController()
  const short = logins.wait(login.id, 1_000, never.signal)
  await clock.pass(1_000)
  expect((await short)?.status).toBe('pending')
  const gone = new AbortController()
  const abandoned = logins.wait(login.id, 60_000, gone.signal)
  gone.abort()
  expect((await abandoned)?.status).toBe('pending')
  const long = logins.wait(login.id, 60_000, never.signal)
  await logins.answer(REDIRECT_URI, codeResponse(login))
  expect((await long)?.status).toBe('succeeded')
  expect(await logins.wait('nobody', 1_000, never.signal)).toBeUndefined()
})

test('ten tools that ask for an automatic login share one tab; a person may open another', async () => {
  const { logins, opened, clock } = start()
  const shared = new SharedLogins({ logins, clock, pauseSeconds: () => null })
  const joined = await Promise.all(Array.from({ length: 10 }, () => shared.join('gw')))
  expect(new Set(joined.map(({ id }) => id)).size).toBe(1)
  expect(opened).toHaveLength(1)
  logins.cancel(joined[0]?.id ?? '')
  await settle()
  await expect(shared.join('gw')).rejects.toMatchObject({ code: 'login_required' })
  const own = await shared.begin({ profile: 'gw', open: true })
  expect((await shared.join('gw')).id).toBe(own.id)
  expect(opened).toHaveLength(2)
})

test('twenty interleaved logins are not crossed', async () => {
  const { logins, servers } = start()
  const begun = await Promise.all(Array.from({ length: 20 }, () => begin(logins)))
  const mixed = [...begun].sort((a, b) => a.id.localeCompare(b.id))
  await Promise.all(mixed.map((login) => logins.answer(REDIRECT_URI, codeResponse(login))))
  expect(servers.redeemed.map((grant) => grant.codeVerifier?.reveal()).sort()).toEqual(
    begun.map((login) => login.codeVerifier?.reveal()).sort(),
  )
})

describe('the report', () => {
  const report = (login: unknown) => (login as { report?: LoginReport }).report

  test('of an authorization error: the request without secrets, the answer and the likely cause', async () => {
    const { logins } = start()
    const login = await begin(logins)
    const state = login.state.reveal()
    const settled = await logins.answer(
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
    const scene = start({ client_secret: { env: 'X' }, token_endpoint_auth_method: 'client_secret_basic' })
    scene.servers.metadata = {
      issuer: 'https://as.example',
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    }
    scene.servers.answer = () => {
      throw new CatchdError('provider_refused', { error: 'invalid_client' })
    }
    const login = await begin(scene.logins)
    const settled = await scene.logins.answer(REDIRECT_URI, codeResponse(login))
    expect(report(settled)?.exchanges[0]?.answered).toEqual({ code: '[secret]' })
    expect(report(settled)?.causes[0]?.fix.set).toBe('"token_endpoint_auth_method": "client_secret_post"')
  })

  test('of a login that nobody answered points to the redirect URI', async () => {
    const { logins, clock } = start()
    const login = await begin(logins)
    await clock.pass(601_000)
    const over = logins.find(login.id)
    expect(over?.status).toBe('expired')
    expect(report(over)?.causes[0]).toMatchObject({ fix: { register: REDIRECT_URI } })
    expect(report(over)?.exchanges[0]?.trouble).toContain('No response')
  })

  test('says nothing about a profile that was pointed elsewhere meanwhile', async () => {
    const { logins, profiles } = start()
    const login = await begin(logins)
    profiles.set('gw', testProfile({ token_endpoint: 'https://other.example/token' }))
    const settled = await logins.answer(REDIRECT_URI, codeResponse(login))
    expect(settled).toMatchObject({ status: 'failed', failure: { code: 'profile_invalid' } })
    expect(report(settled)?.causes).toEqual([])
  })

  test('of a success is there only where no refresh token came and one is offered', async () => {
    const { logins, servers } = start()
    servers.answer = () => tokenResponse({ refreshToken: null })
    const answered = async () => {
      const login = await begin(logins)
      return report(await logins.answer(REDIRECT_URI, codeResponse(login)))
    }
    expect(await answered()).toBeUndefined()
    servers.metadata = { issuer: 'https://as.example', scopes_supported: ['offline_access'] }
    expect((await answered())?.causes).toMatchObject([{ cause: 'offline_scope_missing' }])
    servers.answer = () => tokenResponse()
    expect(await answered()).toBeUndefined()
  })

  test('of one that cannot begin stands in the failure itself', async () => {
    const { logins, servers } = start()
    servers.prepare = () =>
      Promise.reject(
        new CatchdError('provider_unreachable', {
          detail: 'No.',
          evidence: { reason: 'SELF_SIGNED_CERT_IN_CHAIN' },
        }),
      )
    await expect(begin(logins)).rejects.toMatchObject({
      code: 'provider_unreachable',
      detail: expect.stringMatching(/^No\. Likely cause: .*Set "ca_file": "PATH\.pem" in the profile\.$/),
      next: 'catchd profile edit gw',
    })
  })

  test('the logins of a profile are found again, the newest first', async () => {
    const { logins } = start()
    const [first, second] = [await begin(logins), await begin(logins)]
    expect(logins.ofProfile('gw').map(({ id }) => id)).toEqual([second.id, first.id])
    expect(logins.ofProfile('other')).toEqual([])
  })
})
