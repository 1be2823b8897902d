/** The pages: what they say, what they must never say, and the policy that goes with them. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Cause } from '../../../src/diagnosis/facts.js'
import { CatchdError, type FailureCode } from '../../../src/failures.js'
import { html } from '../../../src/http/redirect/pages/html.js'
import { fromNow, inWords } from '../../../src/http/redirect/pages/instants.js'
import type { Page } from '../../../src/http/redirect/pages/page.js'
import { refusalPage } from '../../../src/http/redirect/pages/refusal-page.js'
import { relayPage } from '../../../src/http/redirect/pages/relay-page.js'
import { resultPage } from '../../../src/http/redirect/pages/result-page.js'
import type { Login, StoredSummary } from '../../../src/login/login.js'
import { CODE, GENUINE, NOW_MS, openListener, STATE, STORED } from './opened-listener.js'

const LOGIN = {
  id: 'login-1',
  profile: 'gw',
  redirectUri: 'http://127.0.0.1:8252/callback/gw',
  createdAtMs: NOW_MS,
  expiresAtMs: NOW_MS + 600_000,
}

function succeeded(stored: Partial<StoredSummary> = {}): Page {
  return resultPage(
    { ...LOGIN, status: 'succeeded', stored: { ...STORED, ...stored } },
    { nowMs: NOW_MS, answeredBefore: false },
  )
}

function unsuccessful(
  status: 'failed' | 'expired' | 'cancelled',
  code: FailureCode,
  context: ConstructorParameters<typeof CatchdError>[1] = {},
): Page {
  const failure = new CatchdError(code, typeof context === 'string' ? context : { profile: 'gw', ...context })
  return resultPage({ ...LOGIN, status, failure }, { nowMs: NOW_MS, answeredBefore: false })
}

const MISMATCH: Cause = {
  cause: 'redirect_uri_mismatch',
  detail: 'It is not registered.',
  fix: { run: null, set: null, register: 'http://127.0.0.1:8252/callback/gw' },
}

function explained(cause: Cause, status: 'failed' | 'expired' | 'cancelled' = 'failed'): Page {
  const failure = new CatchdError('provider_refused', { profile: 'gw' })
  return resultPage(
    { ...LOGIN, status, failure, report: { causes: [cause], exchanges: [] } },
    { nowMs: NOW_MS, answeredBefore: false },
  )
}

const EVERY_PAGE: readonly (readonly [string, Page])[] = [
  ['succeeded', succeeded()],
  ['succeeded, all unknown', succeeded({ scope: null, accessTokenExpiresAtMs: null, subject: null })],
  ['denied', unsuccessful('failed', 'authorization_denied', { error: 'access_denied' })],
  ['failed', unsuccessful('failed', 'provider_refused', { error: 'invalid_grant', errorDescription: 'no' })],
  ['failed, with a likely cause', explained(MISMATCH)],
  ['expired', unsuccessful('expired', 'login_expired')],
  ['cancelled', unsuccessful('cancelled', 'login_required', { detail: 'The login was cancelled.' })],
  ['pending', resultPage({ ...LOGIN, status: 'pending' } as Login, { nowMs: NOW_MS, answeredBefore: false })],
  ['exchanging', resultPage({ ...LOGIN, status: 'exchanging' }, { nowMs: NOW_MS, answeredBefore: false })],
  [
    'already used',
    resultPage({ ...LOGIN, status: 'succeeded', stored: STORED }, { nowMs: NOW_MS, answeredBefore: true }),
  ],
  ['unknown state', refusalPage(new CatchdError('state_unknown'), '/catchd/refused/state_unknown')],
  ['unknown login', refusalPage(new CatchdError('login_unknown'), null)],
  ['relay', relayPage(true)],
  ['no response', relayPage(false)],
]

function textOf({ body }: Page): string {
  const main = body.slice(body.indexOf('<main'), body.indexOf('</main>'))
  return main.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
}

describe('every page', () => {
  test.each(EVERY_PAGE)(
    '%s: is self-contained, and its policy allows exactly what stands in it',
    (_name, page) => {
      const { body, contentSecurityPolicy } = page
      const directives = new Map(
        contentSecurityPolicy.split('; ').map((directive) => directive.split(' ') as [string, string]),
      )
      for (const name of ['default-src', 'frame-ancestors', 'form-action', 'base-uri']) {
        expect(directives.get(name)).toBe("'none'")
      }
      expect(directives.get('style-src')).toBe(hashOf(/<style>(.*?)<\/style>/s.exec(body)?.[1] ?? ''))
      const script = /<script>(.*?)<\/script>/s.exec(body)?.[1]
      expect(directives.get('script-src')).toBe(script === undefined ? undefined : hashOf(script))
      expect(contentSecurityPolicy).not.toContain('unsafe')
      // No inline handler or style attribute, nothing loaded, nothing to follow.
      expect(body).not.toMatch(/ (style|on\w+|src|href|action)=/)
      expect(body).not.toMatch(/<(a|form|img|link|iframe|object|base)[ >]/)
    },
  )

  test.each(EVERY_PAGE)(
    '%s: has a language, a title, a landmark, a status and a dark mode',
    (_name, { body }) => {
      expect(body).toMatch(/^<!doctype html>\n<html lang="en"/)
      expect(body).toMatch(/<title>[^<]+ · catchd<\/title>/)
      expect(body).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">')
      expect(body.match(/<main /g)).toHaveLength(1)
      expect(body.match(/<h1>/g)).toHaveLength(1)
      expect(body).toContain('role="status"')
      expect(body).toContain('@media (prefers-color-scheme:dark)')
    },
  )
})

describe('what the pages say', () => {
  test('succeeded: which profile, what was stored, where and until when', () => {
    const text = textOf(succeeded())
    for (const part of [
      'Logged in: gw',
      'An access token and a refresh token are stored',
      'the login keychain (service catchd)',
      '23 November 2026, 15:03 UTC',
      'in 60 minutes, then renewed automatically',
      'openid email',
      'ada',
      'catchd token gw',
      'You can close this tab.',
    ]) {
      expect(text).toContain(part)
    }
    expect(succeeded().status).toBe(200)
  })

  test('what is unknown is said to be unknown', () => {
    const text = textOf(succeeded({ accessTokenExpiresAtMs: null, scope: null, hasRefreshToken: false }))
    expect(text).toContain('unknown: the server does not say')
    expect(text).toContain('An access token is stored')
    expect(text).toContain('valid until a server refuses it, then log in again')
    expect(textOf(succeeded({ accessTokenExpiresAtMs: 1e308 }))).toContain('too far in the future to show')
  })

  test.each([
    ['failed', 'authorization_denied', 403, 'Login denied: gw', 'catchd login gw'],
    ['failed', 'provider_refused', 502, 'Login failed: gw', 'catchd doctor gw'],
    ['failed', 'provider_unreachable', 504, 'Login failed: gw', 'catchd doctor gw'],
    ['failed', 'issuer_mismatch', 400, 'Login failed: gw', 'catchd doctor gw'],
    ['failed', 'vault_locked', 503, 'The vault is locked.', 'catchd vault status'],
    ['expired', 'login_expired', 410, 'Login expired: gw', 'catchd login gw'],
    ['cancelled', 'login_required', 409, 'Login cancelled: gw', 'catchd login gw'],
  ] as const)('%s, %s: the cause and the command to run next', (status, code, httpStatus, headline, next) => {
    const page = unsuccessful(status, code, { detail: 'The cause in a sentence.' })
    expect(page.status).toBe(httpStatus)
    const text = textOf(page)
    expect(text).toContain(headline)
    expect(text).toContain('The cause in a sentence.')
    expect(text).toContain(next)
  })

  test.each([
    [59_000, 'in 59 seconds'],
    [3_600_000, 'in 60 minutes'],
    [8 * 3_600_000, 'in 8 hours'],
    [90 * 86_400_000, 'in 90 days'],
    [-120_000, '2 minutes ago'],
    [1_000, 'in 1 second'],
  ])('%i ms from now is %s', (distanceMs, words) => {
    expect(fromNow(NOW_MS + distanceMs, NOW_MS)).toBe(words)
  })

  test('an instant is written out in UTC', () => {
    expect(inWords(Date.UTC(2027, 0, 2, 3, 4, 59))).toBe('2 January 2027, 03:04 UTC')
    expect(inWords(Number.NaN)).toBeUndefined()
  })
})

describe('what comes from outside is text', () => {
  test.each([
    ['markup', '<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    ['quotes', `"'&`, '&quot;&#39;&amp;'],
    ['CR/LF', 'a\r\nSet-Cookie: b', 'a Set-Cookie: b'],
    ['NUL', 'a\0b', 'a\\u{0}b'],
    ['escape sequences', 'a\u001b[31mb', 'a\\u{1b}[31mb'],
    ['turned direction', 'a\u202egnp.exe', 'a\\u{202e}gnp.exe'],
    ['non-ASCII', 'Überprüfung 拒否 🙂', 'Überprüfung 拒否 🙂'],
  ])('%s', (_name, text, escaped) => {
    expect(html`<p>${text}</p>`.toString()).toBe(`<p>${escaped}</p>`)
    const page = unsuccessful('failed', 'provider_refused', { error: text, errorDescription: text })
    expect(page.body).toContain(`<code>${escaped}</code><p>${escaped}</p>`)
  })

  test('error_uri=javascript: is not linked, not even shown', async () => {
    const listener = await openListener()
    const query = `error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&error_uri=javascript:alert(2)&state=${STATE}`
    const answer = await listener.send({ target: `/callback/gw?${query}` })
    const page = await listener.send({ target: answer.headers.get('location') ?? '' })
    expect(page.status).toBe(403)
    expect(page.body).not.toContain('javascript:')
    expect(page.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page.body).not.toContain('<script>')
  })
})

describe('the likely cause', () => {
  test('with the value to register, and the login to begin again', () => {
    const text = textOf(explained(MISMATCH))
    expect(text).toMatch(
      /Likely cause It is not registered\. Register at the server http:\/\/127\.0\.0\.1:8252/,
    )
    expect(text).toMatch(/Run next catchd login gw/)
  })

  test('with what to set in the profile, and the command that opens it', () => {
    const fix = { run: 'catchd profile edit gw', set: '"code_challenge_method": "S256"', register: null }
    const text = textOf(explained({ ...MISMATCH, fix }))
    expect(text).toContain('Set in the profile &quot;code_challenge_method&quot;: &quot;S256&quot;')
    expect(text).toMatch(/Run next catchd profile edit gw/)
  })

  test('is text, whatever a server publishes', () => {
    const hostile = '<img src=x onerror=alert(1)>"\'&\u202e'
    const fix = { run: hostile, set: hostile, register: null }
    for (const page of [
      explained({ ...MISMATCH, detail: hostile, fix }),
      explained({ ...MISMATCH, fix: { run: null, set: null, register: hostile } }),
    ]) {
      expect(page.body).not.toContain('<img')
      expect(page.body).not.toContain('\u202e')
      expect(page.body).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')
    }
  })

  test('is not looked for where somebody cancelled the login', () => {
    expect(textOf(explained(MISMATCH, 'cancelled'))).not.toContain('Likely cause')
    expect(textOf(explained(MISMATCH, 'expired'))).toContain('Likely cause')
  })
})

describe('the way of one response', () => {
  test('303 to a clean page; neither answer holds code or state, and a reload shows the same', async () => {
    const listener = await openListener()
    const answer = await listener.send({ target: `/callback/gw?${GENUINE}` })
    expect([answer.status, answer.headers.get('location'), answer.body]).toEqual([
      303,
      listener.resultPath,
      '',
    ])
    const first = await listener.send({ target: listener.resultPath })
    const reload = await listener.send({ target: listener.resultPath })
    expect(first.status).toBe(200)
    expect(first.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(first.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(reload.body).toBe(first.body)
    for (const { text } of [answer, first, reload]) {
      expect(text).not.toContain(CODE)
      expect(text).not.toContain(STATE)
    }
  })

  test('while the code is being redeemed the page waits, then shows the result', async () => {
    const listener = await openListener()
    let redeemed = () => {}
    listener.servers.gate = new Promise((resolve) => {
      redeemed = resolve
    })
    const pending = await listener.send({ target: listener.resultPath })
    expect(pending.body).toContain('Waiting for you: gw')
    const answer = listener.send({ target: `/callback/gw?${GENUINE}` })
    await expect.poll(() => listener.tokenRequests()).toBe(1)
    expect((await listener.send({ target: listener.resultPath })).body).toContain('http-equiv="refresh"')
    redeemed()
    expect((await answer).status).toBe(303)
    expect((await listener.send({ target: listener.resultPath })).body).toContain('Logged in: gw')
  })

  test('a failed exchange is not shown as a success', async () => {
    const listener = await openListener()
    listener.tokens.trouble = new CatchdError('vault_locked', 'Unlock the keychain and log in again.')
    await listener.send({ target: `/callback/gw?${GENUINE}` })
    const page = await listener.send({ target: listener.resultPath })
    expect(page.status).toBe(503)
    expect(page.body).toContain('Unlock the keychain and log in again.')
    expect(page.body).not.toContain('Logged in')
  })

  test('a refused response names a clean path, under which the refusal can be reloaded', async () => {
    const listener = await openListener()
    const refused = await listener.send({ target: '/callback/gw?code=x&state=y' })
    const cleanPath = /data-clean-path="([^"]+)"/.exec(refused.body)?.[1]
    expect(cleanPath).toBe('/catchd/refused/state_unknown/gw')
    const reload = await listener.send({ target: cleanPath ?? '' })
    expect(reload.status).toBe(400)
    for (const { body } of [refused, reload]) {
      expect(body).toContain('No login is waiting for this')
      expect(body).toContain('<code>catchd login gw</code>')
    }
  })

  test.each([
    ['of no profile', 'state_unknown/nobody'],
    ['with more after it', 'state_unknown/gw/x'],
  ])('a clean path %s is not shown', async (_name, path) => {
    const listener = await openListener()
    const answer = await listener.send({ target: `/catchd/refused/${path}` })
    expect(answer.status).toBe(404)
    expect(answer.body).not.toContain('nobody')
  })

  test('a redirect URI of two profiles names neither', async () => {
    const listener = await openListener()
    const [profile] = listener.profiles.values()
    if (profile !== undefined) listener.profiles.set('two', { ...profile, name: 'two' })
    listener.configure()
    const { body } = await listener.send({ target: '/callback/gw?code=x&state=y' })
    expect(body).toContain('<code>catchd profile list</code>')
  })

  test.each([
    ['an expired login', 'login_expired', 410],
    ['an address without a response', 'redirect_malformed', 400],
  ])('%s names the profile and the command', async (_name, code, status) => {
    const listener = await openListener()
    if (code === 'login_expired') listener.clock.jump(600_000)
    const query = code === 'login_expired' ? GENUINE : 'x=1'
    const answer = await listener.send({ target: `/callback/gw?${query}` })
    expect(answer.status).toBe(status)
    expect(answer.body).toContain('<code>catchd login gw</code>')
  })

  test.each([
    ['another path', { target: `/callback?${GENUINE}` }],
    ['another host', { target: `/callback/gw?${GENUINE}`, host: 'localhost' }],
  ])('a response at %s is noticed by its login, which waits on', async (_name, request) => {
    const listener = await openListener()
    expect((await listener.send(request)).status).toBeGreaterThanOrEqual(403)
    expect(listener.logins.hint(listener.login.id)).toContain(`another address than ${listener.redirectUri}`)
    expect([listener.isPending(), listener.tokenRequests()]).toEqual([true, 0])
  })

  test.each([
    [true, 'The earlier tokens are kept.'],
    [false, 'nothing'],
  ])('the page of a denied login says what is stored (earlier tokens: %s)', async (hasTokens, stored) => {
    const listener = await openListener()
    if (hasTokens) listener.kept.push('gw:token')
    await listener.send({ target: `/callback/gw?error=access_denied&state=${STATE}` })
    const { body } = await listener.send({ target: listener.resultPath })
    expect(body).toMatch(new RegExp(`<dt>Stored</dt>\\s*<dd>${stored}</dd>`))
  })

  test('result pages are for navigation only, like everything here', async () => {
    const listener = await openListener()
    expect((await listener.send({ method: 'POST', target: listener.resultPath })).status).toBe(405)
    expect((await listener.send({ method: 'HEAD', target: listener.resultPath })).status).toBe(405)
    const framed = { target: listener.resultPath, headers: ['Sec-Fetch-Dest: iframe'] }
    expect((await listener.send(framed)).status).toBe(403)
    expect((await listener.send({ target: listener.resultPath, host: 'localhost' })).status).toBe(403)
  })
})

function hashOf(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`
}
