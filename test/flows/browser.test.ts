/**
 * Logins in a real browser: what a person sees, and what stays behind in address bar, history and page.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, type GatewayOptions, startGateway } from '../../src/demo/gateway.js'
import { launchChromium, withoutChromium } from '../support/browser.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { startOidcProvider } from '../support/oidc-provider.js'

describe.skipIf(withoutChromium !== undefined)('in chromium', () => {
  let browser: Browser
  let screenshots: string
  const cleanUps: (() => Promise<void>)[] = []

  beforeAll(async () => {
    browser = await launchChromium()
    screenshots = process.env['CATCHD_TEST_SCREENSHOTS'] ?? (await mkdtemp(join(tmpdir(), 'catchd-screens-')))
  })
  afterAll(async () => {
    await browser?.close()
    if (process.env['CATCHD_TEST_SCREENSHOTS'] === undefined)
      await rm(screenshots, { recursive: true, force: true })
  })
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function gatewayLogin(options: GatewayOptions = {}, profile: object = {}) {
    const redirectPort = await freePort()
    const redirectUri = `http://127.0.0.1:${redirectPort}/callback`
    const gateway = await startGateway({ redirectUris: [redirectUri], refreshTokens: true, ...options })
    cleanUps.push(() => gateway.close())
    const daemon = await startDaemon({
      redirectPort,
      config: {
        profiles: {
          gw: {
            preset: 'webmethods',
            base_url: gateway.baseUrl,
            client_id: gateway.clientId,
            client_secret: gateway.clientSecret,
            redirect_uri: redirectUri,
            scope: 'email',
            ...profile,
          },
        },
      },
    })
    cleanUps.push(() => daemon.stop())
    return { gateway, daemon, redirectUri }
  }

  async function begin(daemon: Daemon, profile: string) {
    const { json } = await daemon.api('POST', '/v1/logins', { body: { profile, open: false } })
    return { loginId: String(json['login_id']), authorizationUrl: String(json['authorization_url']) }
  }

  async function newPage(gateway?: Gateway): Promise<Page> {
    const user = gateway?.users[0]
    const context: BrowserContext = await browser.newContext(
      user === undefined ? {} : { httpCredentials: { username: user.name, password: user.password } },
    )
    cleanUps.push(() => context.close())
    return context.newPage()
  }

  async function historyOf(page: Page): Promise<string[]> {
    const session = await page.context().newCDPSession(page)
    const { entries } = await session.send('Page.getNavigationHistory')
    return entries.map(({ url }) => url)
  }

  /** The secrets of a gateway login, read from the token requests it got. */
  function secretsOf(gateway: Gateway): string[] {
    return gateway.tokenRequests.flatMap(({ body }) => {
      const { code, code_verifier: verifier } = JSON.parse(body) as Record<string, string>
      return [code ?? '', verifier ?? '']
    })
  }

  test('Approve is clicked, credentials are given, and the browser ends on a clean page', async () => {
    const { gateway, daemon, redirectUri } = await gatewayLogin()
    const { loginId, authorizationUrl } = await begin(daemon, 'gw')
    const page = await newPage(gateway)
    await page.goto(authorizationUrl)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.waitForURL((url) => url.href.startsWith(new URL(redirectUri).origin) && url.search === '')
    const { json: login } = await daemon.api('GET', `/v1/logins/${loginId}?wait=10`)
    expect(login).toMatchObject({ status: 'succeeded', error: null })
    const screenshot = join(screenshots, 'success.png')
    await page.screenshot({ path: screenshot, fullPage: true })
    expect((await stat(screenshot)).size).toBeGreaterThan(1000)

    const token = await daemon.api('GET', '/v1/tokens/gw')
    const state = new URL(authorizationUrl).searchParams.get('state') ?? ''
    const secrets = [...secretsOf(gateway), String(token.json['access_token']), state]
    expect(secrets.every((secret) => secret.length >= 32)).toBe(true)
    const seen = [
      page.url(),
      await page.content(),
      await page.evaluate('document.referrer + document.cookie'),
    ]
    for (const secret of secrets) expect(seen.join('\n')).not.toContain(secret)
    const here = (await historyOf(page)).filter((url) => url.startsWith(new URL(redirectUri).origin))
    expect(here).toEqual([page.url()])
    expect(gateway.counts).toMatchObject({ codesRedeemed: 1, codesRedeemedTwice: 0 })
    const hello = await fetch(gateway.resourceUrl, {
      headers: { authorization: `Bearer ${String(token.json['access_token'])}` },
    })
    expect(await hello.json()).toEqual({ hello: 'ada' })
  })

  test('reloading and going back and forth redeem nothing again', async () => {
    const { gateway, daemon, redirectUri } = await gatewayLogin()
    const { authorizationUrl } = await begin(daemon, 'gw')
    const page = await newPage(gateway)
    await page.goto(authorizationUrl)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.waitForURL((url) => url.href.startsWith(new URL(redirectUri).origin) && url.search === '')
    await page.reload()
    await page.goBack()
    await page.goForward()
    expect(gateway.counts).toMatchObject({ tokenRequests: 1, codesRedeemed: 1, codesRedeemedTwice: 0 })
  })

  test('a gateway that drops state is logged in to with state_echo off', async () => {
    const { gateway, daemon, redirectUri } = await gatewayLogin({ stateEcho: false }, { state_echo: false })
    const { loginId, authorizationUrl } = await begin(daemon, 'gw')
    const page = await newPage(gateway)
    await page.goto(authorizationUrl)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.waitForURL((url) => url.href.startsWith(new URL(redirectUri).origin) && url.search === '')
    const { json: login } = await daemon.api('GET', `/v1/logins/${loginId}?wait=10`)
    expect(login).toMatchObject({ status: 'succeeded' })
  })

  test('Deny shows a page that says so', async () => {
    const { gateway, daemon, redirectUri } = await gatewayLogin()
    const { loginId, authorizationUrl } = await begin(daemon, 'gw')
    const page = await newPage(gateway)
    await page.goto(authorizationUrl)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.waitForURL((url) => url.href.startsWith(new URL(redirectUri).origin))
    const { json: login } = await daemon.api('GET', `/v1/logins/${loginId}?wait=10`)
    expect(login).toMatchObject({ status: 'failed', error: { code: 'authorization_denied' } })
    expect(await page.locator('body').textContent()).toMatch(/denied/i)
    expect(page.url()).not.toContain('state=')
    await page.screenshot({ path: join(screenshots, 'denied.png'), fullPage: true })
  })

  test('a refused exchange shows a failure, not a success', async () => {
    const { gateway, daemon, redirectUri } = await gatewayLogin()
    const { authorizationUrl } = await begin(daemon, 'gw')
    gateway.failNext({ status: 500, body: '<html>Internal</html>', headers: { 'content-type': 'text/html' } })
    const page = await newPage(gateway)
    await page.goto(authorizationUrl)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.waitForURL((url) => url.href.startsWith(new URL(redirectUri).origin) && url.search === '')
    expect(await page.locator('body').textContent()).toMatch(/provider_answer_invalid|provider_refused/)
    await page.screenshot({ path: join(screenshots, 'exchange-failed.png'), fullPage: true })
  })

  test.each(['query', 'form_post', 'fragment'])('response_mode %s brings the response home', async (mode) => {
    const redirectPort = await freePort()
    const origin = `http://127.0.0.1:${redirectPort}`
    const server = await startOidcProvider({ redirectUris: [`${origin}/callback/corp`] })
    cleanUps.push(() => server.close())
    const daemon = await startDaemon({
      redirectPort,
      config: {
        profiles: {
          corp: { issuer: server.issuer, client_id: server.clientId, scope: 'openid', response_mode: mode },
        },
      },
    })
    cleanUps.push(() => daemon.stop())
    const { loginId, authorizationUrl } = await begin(daemon, 'corp')
    const page = await newPage()
    await page.goto(authorizationUrl)
    await page.locator('input[name=login]').fill('ada')
    await page.locator('input[name=password]').fill('any')
    await page.locator('button[type=submit]').click()
    await page.locator('button[type=submit]').click()
    const { json: login } = await daemon.api('GET', `/v1/logins/${loginId}?wait=10`)
    expect(login).toMatchObject({ status: 'succeeded', error: null })
    await page.waitForURL((url) => url.origin === origin && url.search === '' && url.hash === '')
    const visited = (await historyOf(page)).filter((url) => url.startsWith(origin))
    for (const url of visited) expect(url).not.toMatch(/code=|state=/)
  })
})
