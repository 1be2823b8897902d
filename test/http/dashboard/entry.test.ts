/** The way into the dashboard, its pages, and the end of a session: who gets in, for how long, and who does not. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { needs } from '../../support/needs.js'
import { serveApi } from '../api/opened-api.js'
import { callAs, cookieOf, enter, enteredApi, makeLink, NAVIGATION, open, outcome } from './entered.js'

const run = promisify(execFile)
const NOBODY = { uid: 65_534, gid: 65_534 }
const canBeSomebodyElse =
  process.platform === 'linux' && process.getuid?.() === 0 && needs('curl') === undefined

describe('the way in', () => {
  test('a link is answered with a strict cookie and a clean address', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const answer = await open(api, link)
    expect([answer.status, answer.headers.get('location'), answer.body]).toEqual([303, '/', ''])
    expect(answer.headers.get('set-cookie')).toMatch(
      new RegExp(`^catchd-session-${api.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    )
    expect(JSON.stringify(api.events)).not.toContain(link.split('=')[1])
  })

  test('a second visit with the link is refused, and ends the first', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const cookie = cookieOf(await open(api, link))
    const again = await open(api, link)
    expect([again.status, again.headers.get('set-cookie')]).toEqual([401, undefined])
    expect(again.body).toContain('catchd dashboard')
    expect((await open(api, '/', cookie)).status).toBe(401)
  })

  test('entering again ends the session before', async () => {
    const api = await serveApi()
    const { cookie } = await enter(api)
    const next = cookieOf(await open(api, await makeLink(api), cookie))
    expect((await open(api, '/', cookie)).status).toBe(401)
    expect((await open(api, '/', next)).status).toBe(200)
  })

  test.each([
    ['a prefetch', ['Sec-Purpose: prefetch;prerender', ...NAVIGATION]],
    ['an image', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image']],
    ['a frame', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe']],
    [
      'fetch() of a page',
      ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors', 'Origin: https://evil.example'],
    ],
    ['an upgrade', ['Upgrade: websocket']],
  ])('%s spends no link', async (_name, headers) => {
    const api = await serveApi()
    const link = await makeLink(api)
    for (const target of [link, '/']) {
      expect(outcome(await open(api, target, '', headers))).toEqual([403, 'origin_refused'])
    }
    expect((await open(api, link)).status).toBe(303)
  })

  test.skipIf(!canBeSomebodyElse)('another user who read it on a command line spends no link', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const url = `http://127.0.0.1:${api.port}${link}`
    const { stdout } = await run('curl', ['-si', '--max-time', '10', url], NOBODY)
    expect(stdout).toMatch(/^HTTP\/1\.1 403 /)
    expect(stdout.toLowerCase()).not.toContain('set-cookie')
    expect((await open(api, link)).status).toBe(303)
  })

  test('nor does another name of this machine, which somebody else may answer to', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const answer = await api.tcp({ target: link, host: `localhost:${api.port}`, headers: NAVIGATION })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, undefined])
    expect((await open(api, link)).status).toBe(303)
    const rebound = await api.tcp({ target: '/', host: `evil.example:${api.port}`, headers: NAVIGATION })
    expect(outcome(rebound)).toEqual([403, 'host_refused'])
  })

  test('a link is the admin’s to make', async () => {
    const api = await enteredApi()
    const { key } = await api.keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['token', 'login'],
      expiresInSeconds: null,
    })
    const authorization = `Authorization: Bearer ${key.reveal()}`
    const target = '/v1/dashboard/links'
    expect(outcome(await api.tcp({ method: 'POST', target, headers: [authorization] }))).toEqual([
      403,
      'forbidden',
    ])
    expect(outcome(await callAs(api, 'POST', target))).toEqual([403, 'forbidden'])
  })

  test('on the socket there are no pages', async () => {
    const api = await serveApi()
    for (const target of ['/', await makeLink(api), '/assets/x']) {
      expect(outcome(await api.socket({ target }))).toEqual([404, 'route_unknown'])
    }
  })
})

describe('the page', () => {
  test('is for who entered; everybody else reads how to', async () => {
    const api = await serveApi()
    const answer = await open(api, '/')
    expect(answer.status).toBe(401)
    expect(answer.body).toContain('catchd dashboard')
    expect(answer.body).not.toContain('gw')
    expect(api.effects).toEqual([])
  })

  test.each(['cross-site', 'same-site'])(
    'a %s link leads to a page that asks, session or not',
    async (site) => {
      const api = await enteredApi()
      const headers = [`Sec-Fetch-Site: ${site}`, ...NAVIGATION.slice(1)]
      const answer = await open(api, '/', api.browser.cookie, headers)
      expect(answer.status).toBe(403)
      expect(answer.body).toContain('href="/"')
      expect(answer.body).not.toContain('gw')
      expect(api.effects).toEqual([])
      expect((await open(api, '/', api.browser.cookie)).status).toBe(200)
    },
  )

  test('a foreign Referer counts as another page, its own does not', async () => {
    const api = await enteredApi()
    const from = (referer: string) =>
      open(api, '/', api.browser.cookie, [...NAVIGATION, `Referer: ${referer}`])
    expect((await from('http://127.0.0.1:3000/')).status).toBe(403)
    expect((await from(`http://127.0.0.1:${api.port}.evil.example/`)).status).toBe(403)
    expect((await from(`http://127.0.0.1:${api.port}/`)).status).toBe(200)
  })

  test('allows the two files of its own nonce, and nothing else', async () => {
    const api = await enteredApi()
    const policies = [await open(api, '/', api.browser.cookie), await open(api, '/', api.browser.cookie)].map(
      ({ headers }) => headers.get('content-security-policy') ?? '',
    )
    const [policy = '', other] = policies
    expect(policy).not.toBe(other)
    expect(policy.replace(/nonce-[\w+/]{24}/g, 'nonce-N')).toBe(
      "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; connect-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    )
  })

  test('its files are for its own page', async () => {
    const api = await enteredApi()
    const { body } = await open(api, '/', api.browser.cookie)
    const [script = ''] = /\/assets\/dashboard-[0-9a-f]{16}\.js/.exec(body) ?? []
    const part = ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: script']
    const own = await open(api, script, api.browser.cookie, part)
    expect([own.status, own.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(outcome(await open(api, script, '', part))).toEqual([401, 'unauthorized'])
    const foreign = ['Sec-Fetch-Site: same-site', ...part.slice(1)]
    expect(outcome(await open(api, script, api.browser.cookie, foreign))).toEqual([403, 'origin_refused'])
    expect(outcome(await open(api, '/assets/other.js', api.browser.cookie, part))).toEqual([
      404,
      'route_unknown',
    ])
  })

  test('gives the key until it was used, and then no more', async () => {
    const api = await enteredApi()
    expect((await open(api, '/', api.browser.cookie)).body).toContain(api.browser.key)
    expect((await callAs(api, 'GET', '/v1/status')).status).toBe(200)
    const later = await open(api, '/', api.browser.cookie)
    expect(later.status).toBe(200)
    expect(later.body).not.toMatch(/name="catchd-page-key"/)
    // The cookie alone, which every server on this host is sent, shows nothing of anybody.
    expect(later.body).toContain('Loading')
    expect(later.body).not.toMatch(/alice|corp|memory|catchd\.sock/)
    expect((await callAs(api, 'GET', '/dashboard/panels')).body).toMatch(/alice/)
  })
})

describe('the end', () => {
  test('leaving ends the session at once, its stream too', async () => {
    const api = await enteredApi()
    const stream = callAs(api, 'GET', '/v1/events')
    await expect.poll(() => api.subscribed()).toBe(1)
    const left = await callAs(api, 'POST', '/dashboard/leave')
    expect(left.status).toBe(204)
    expect(left.headers.get('set-cookie')).toContain('Max-Age=0')
    expect((await stream).text).toContain('text/event-stream')
    await expect.poll(() => api.subscribed()).toBe(0)
    expect(outcome(await callAs(api, 'GET', '/v1/status'))).toEqual([401, 'unauthorized'])
    expect((await open(api, '/', api.browser.cookie)).status).toBe(401)
  })

  test('an hour in which the page only listened ends it', async () => {
    const api = await enteredApi()
    await api.clock.pass(59 * 60_000)
    expect((await callAs(api, 'GET', '/dashboard/panels')).status).toBe(200)
    await api.clock.pass(60_000)
    expect(outcome(await callAs(api, 'GET', '/dashboard/panels'))).toEqual([401, 'unauthorized'])
  })

  test('doing something begins the hour again', async () => {
    const api = await enteredApi()
    await api.clock.pass(59 * 60_000)
    await callAs(api, 'POST', '/dashboard/profiles/gw/refresh')
    await api.clock.pass(59 * 60_000)
    expect((await callAs(api, 'GET', '/dashboard/panels')).status).toBe(200)
  })
})
