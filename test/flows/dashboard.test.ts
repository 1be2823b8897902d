/**
 * The dashboard in a real browser, on the built program: what a person sees, does and hears of, and that the content
 * security policy has nothing to complain about meanwhile.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, type GatewayOptions, startGateway } from '../../src/demo/gateway.js'
import { launchChromium, withoutChromium } from '../support/browser.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { startOidcProvider } from '../support/oidc-provider.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** For what only time brings: a stream that reconnects, a gathering of events. */
const SOON = { timeout: 10_000 }

describe.skipIf(withoutChromium !== undefined)('the dashboard in chromium', () => {
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

  async function scene(options: GatewayOptions = {}, moreProfiles: object = {}) {
    const redirectPort = await freePort()
    const redirectUri = `http://127.0.0.1:${redirectPort}/callback/gw`
    const gateway = await startGateway({ redirectUris: [redirectUri], refreshTokens: true, ...options })
    cleanUps.push(() => gateway.close())
    const gw = {
      preset: 'webmethods',
      base_url: gateway.baseUrl,
      client_id: gateway.clientId,
      client_secret: gateway.clientSecret,
      scope: 'email',
    }
    const daemon = await startDaemon({ redirectPort, config: { profiles: { gw, ...moreProfiles } } })
    cleanUps.push(() => daemon.stop())
    return { gateway, daemon }
  }

  async function makeLink(daemon: Daemon): Promise<string> {
    const { exitCode, stdout } = await daemon.cli(['dashboard', '--no-browser'])
    expect(exitCode).toBe(0)
    return stdout.trim()
  }

  /** A browser that entered, with everything that its console and its policy complain about. */
  async function enter(daemon: Daemon, options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options)
    cleanUps.push(() => context.close())
    const complaints = await complaintsOf(context)
    const page = await context.newPage()
    const link = await makeLink(daemon)
    await page.goto(link)
    await page.getByText('Live', { exact: true }).waitFor()
    return { context, page, link, complaints }
  }

  async function complaintsOf(context: BrowserContext): Promise<string[]> {
    const complaints: string[] = []
    await context.exposeFunction('complain', (text: string) => complaints.push(text))
    await context.addInitScript(
      `addEventListener('securitypolicyviolation', (event) => complain(event.violatedDirective + ' ' + event.blockedURI))`,
    )
    context.on('weberror', (error) => complaints.push(String(error.error())))
    context.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    return complaints
  }

  function credentialsOf(gateway: Gateway): BrowserContextOptions {
    const [user] = gateway.users
    return {
      httpCredentials: {
        username: user.name,
        password: user.password,
        origin: new URL(gateway.baseUrl).origin,
      },
    }
  }

  const card = (page: Page, profile: string) =>
    page.locator('.card').filter({ has: page.getByRole('heading', { name: profile, exact: true }) })

  /** The whole login, in the tab that the page opens. */
  async function logIn(page: Page, profile = 'gw'): Promise<void> {
    const opened = page.context().waitForEvent('page')
    await card(page, profile).getByRole('button', { name: 'Log in' }).click()
    const tab = await opened
    await tab.getByRole('button', { name: 'Approve' }).click()
    await tab.getByRole('heading', { name: /Logged in/ }).waitFor()
    await tab.close()
    await card(page, profile).getByText('Logged in', { exact: true }).waitFor(SOON)
  }

  test('a link opens the page once, and leaves nothing in the address bar', async () => {
    const { daemon } = await scene()
    const { page, link, complaints } = await enter(daemon)
    expect(page.url()).toBe(`http://127.0.0.1:${daemon.apiPort}/`)
    expect(await page.evaluate('document.cookie')).toBe('')
    const token = new URL(link).searchParams.get('link') ?? ''
    expect(token.length).toBe(43)
    expect(await page.content()).not.toContain(token)
    expect(await page.content()).not.toContain('catchd-page-key"')
    expect(complaints).toEqual([])

    const other = await (await browser.newContext()).newPage()
    cleanUps.push(() => other.context().close())
    const refused = await other.goto(link)
    expect(refused?.status()).toBe(401)
    expect(await other.locator('body').textContent()).toContain('catchd dashboard')
    expect(other.url()).not.toContain(token)
    // Whoever was first need not be who was meant.
    await page.getByRole('heading', { name: 'Your session has ended' }).waitFor(SOON)
  })

  test('log in, refresh, log out: each shows at once, and no token is ever in the page', async () => {
    const { gateway, daemon } = await scene({ rotateRefreshTokens: true })
    const { page, complaints } = await enter(daemon, credentialsOf(gateway))
    const gw = card(page, 'gw')
    await gw.getByText('Login required', { exact: true }).waitFor()
    await logIn(page)
    await gw.getByText('email', { exact: true }).waitFor()
    const tokens = [String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'])]

    await gw.getByRole('button', { name: 'Refresh' }).click()
    await page.getByText('Refreshed: gw').waitFor(SOON)
    await page.locator('[data-panel=activity]').getByText('refreshed').first().waitFor(SOON)
    tokens.push(String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token']))
    expect(tokens[0]).not.toBe(tokens[1])
    const seen = [await page.content(), await page.evaluate('JSON.stringify(localStorage)')].join('')
    for (const token of tokens) expect(seen).not.toContain(token)

    await gw.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click()
    await gw.getByText('Login required', { exact: true }).waitFor(SOON)
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(409)
    expect(complaints).toEqual([])
  })

  test('the time left moves, and a failed refresh says why', async () => {
    const { gateway, daemon } = await scene({ accessTokenLifetimeSeconds: 600 })
    const { page } = await enter(daemon, credentialsOf(gateway))
    await logIn(page)
    const gw = card(page, 'gw')
    const [left, bar] = [gw.locator('[data-left]'), gw.locator('progress')]
    const before = { words: await left.textContent(), bar: Number(await bar.getAttribute('value')) }
    expect(before.words).toMatch(/^(10|9) min \d+ s$/)
    await expect.poll(() => left.textContent(), SOON).not.toBe(before.words)
    await expect.poll(async () => Number(await bar.getAttribute('value')), SOON).toBeLessThan(before.bar)

    gateway.failNext({ status: 500, body: '{}', headers: { 'content-type': 'application/json' } })
    await gw.getByRole('button', { name: 'Refresh' }).click()
    await gw.getByText(/^failed .*: The authorization server/).waitFor(SOON)
  })

  test('a login that waits can be gone on with, and given up', async () => {
    const { gateway, daemon } = await scene()
    const { page, complaints } = await enter(daemon, credentialsOf(gateway))
    const waiting = page.locator('[data-panel=waiting]')
    await waiting.getByText('No login is waiting.').waitFor()
    const { json } = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
    const state = new URL(String(json['authorization_url'])).searchParams.get('state') ?? ''
    await waiting.getByRole('button', { name: 'Continue gw' }).waitFor(SOON)
    expect(await page.content()).not.toContain(state)

    const opened = page.context().waitForEvent('page')
    await waiting.getByRole('button', { name: 'Continue gw' }).click()
    const tab = await opened
    await tab.getByRole('button', { name: 'Approve' }).waitFor()
    expect(await tab.evaluate('document.referrer')).toBe('')
    await tab.close()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the login' }).click()
    await waiting.getByText('No login is waiting.').waitFor(SOON)
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    const { json: login } = await daemon.api('GET', `/v1/logins/${String(json['login_id'])}`)
    expect(login['status']).toBe('cancelled')
    expect(complaints).toEqual([])
  })

  test('a device login shows its code, and closes when it was entered', async () => {
    const server = await startOidcProvider({
      redirectUris: ['http://127.0.0.1:8252/callback'],
      deviceFlow: true,
    })
    cleanUps.push(() => server.close())
    const tv = {
      issuer: server.issuer,
      client_id: server.clientId,
      ...(server.clientSecret === null ? {} : { client_secret: server.clientSecret }),
      grant: 'urn:ietf:params:oauth:grant-type:device_code',
      scope: 'openid email',
    }
    const daemon = await startDaemon({ config: { profiles: { tv } } })
    cleanUps.push(() => daemon.stop())
    const { page, complaints } = await enter(daemon)
    await card(page, 'tv').getByRole('button', { name: 'Log in' }).click()
    const dialog = page.getByRole('dialog')
    await expect.poll(() => dialog.locator('#login-code').textContent(), SOON).toMatch(/^[A-Z0-9-]{6,}$/)
    const url = (await dialog.getByRole('link', { name: 'Open the login page' }).getAttribute('href')) ?? ''
    expect(page.context().pages()).toHaveLength(1)
    await server.approve(url)
    await card(page, 'tv').getByText('ada', { exact: true }).waitFor({ timeout: 15_000 })
    await expect.poll(() => dialog.count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('a key is shown once, shows its use, and is removed', async () => {
    const { daemon } = await scene()
    const { page, complaints } = await enter(daemon)
    const keys = page.locator('[data-panel=keys]')
    await keys.getByText(/No keys/).waitFor()
    await keys.getByRole('button', { name: 'Make a key' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make the key' }).click()
    await page.getByText('must be 1 to 64 of a-z').waitFor()
    await page.getByRole('dialog').getByLabel('Name').fill('ci')
    expect(await page.getByRole('dialog').getByLabel('Profiles', { exact: true }).inputValue()).toBe('gw')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const shown = page.locator('#new-key-value')
    await expect.poll(() => shown.textContent()).toMatch(/^[\w-]{43}$/)
    const key = (await shown.textContent()) ?? ''
    await page.getByRole('button', { name: 'Done' }).click()
    await keys.getByText('not used since the daemon started').waitFor(SOON)
    expect(await page.content()).not.toContain(key)

    await daemon.api('GET', '/v1/profiles', { via: 'tcp', key })
    await page.reload()
    await keys.getByText(/last used .* ago/).waitFor(SOON)
    await keys.getByRole('button', { name: 'Remove ci' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await keys.getByText(/No keys/).waitFor(SOON)
    expect((await daemon.api('GET', '/v1/profiles', { via: 'tcp', key })).status).toBe(401)
    // The refused form is an answer that the console shows as an error.
    expect(complaints.filter((text) => !text.includes('400 (Bad Request)'))).toEqual([])
  })

  test('a profile is edited with a mistake, which the schema explains, and then without', async () => {
    const { daemon } = await scene()
    const { page } = await enter(daemon)
    await card(page, 'gw').getByRole('button', { name: 'Edit' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('heading', { name: 'Edit gw' }).waitFor()
    const base = dialog.getByLabel('Base URL')
    const url = await base.inputValue()
    await base.fill('gw.example.com')
    await dialog.getByLabel('Other settings').fill('{"dpopp": true}')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('must be an http or https URL').waitFor()
    await dialog.getByText('not known here: dpopp').waitFor()
    expect(await base.getAttribute('aria-invalid')).toBe('true')
    expect(await page.evaluate('document.activeElement.id')).toBe('profile-base_url')
    expect((await daemon.api('GET', '/v1/profiles/gw')).json).toMatchObject({
      configuration: { base_url: url },
    })

    await base.fill(url)
    await dialog.getByLabel('Other settings').fill('{"min_ttl_seconds": 120}')
    await dialog.getByLabel('Scope').fill('email profile')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved: gw').waitFor(SOON)
    expect((await daemon.api('GET', '/v1/profiles/gw')).json).toMatchObject({
      configuration: {
        base_url: url,
        scope: 'email profile',
        min_ttl_seconds: 120,
        client_secret: { keychain: true },
      },
    })
  })

  test('a profile is added, with what the rules of profiles say, and removed', async () => {
    const { daemon } = await scene()
    const { page } = await enter(daemon)
    await page.getByRole('button', { name: 'Add a profile' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('must not be empty').waitFor()
    await dialog.getByLabel('Name').fill('Corp')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('must be 1 to 64 of a-z').waitFor()
    await dialog.getByLabel('Name').fill('corp')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.locator('#profile-failure').getByText(/corp/).waitFor()
    await dialog.getByLabel('Issuer').fill('https://id.example.com')
    await dialog.getByLabel('Client ID').fill('catchd')
    await dialog.getByLabel('Client secret').fill('a secret for the vault')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await card(page, 'corp').getByText('id.example.com').waitFor(SOON)
    expect((await daemon.api('GET', '/v1/profiles/corp')).json).toMatchObject({
      configuration: { issuer: 'https://id.example.com', client_secret: { keychain: true } },
    })
    expect(await page.content()).not.toContain('a secret for the vault')

    await card(page, 'corp').getByRole('button', { name: 'Edit' }).click()
    await dialog.getByRole('button', { name: 'Remove' }).click()
    await page.locator('#confirm-dialog').getByRole('button', { name: 'Remove' }).click()
    await expect.poll(() => card(page, 'corp').count(), SOON).toBe(0)
    expect((await daemon.api('GET', '/v1/profiles/corp')).status).toBe(404)
  })

  test('what others do shows without a click, and what the reader opened stays open', async () => {
    const { daemon } = await scene()
    const { page } = await enter(daemon)
    const gw = card(page, 'gw')
    await gw.getByText('Use it').click()
    await gw.getByRole('button', { name: /^Copy for Shell/ }).focus()
    const corp = { issuer: 'https://id.example.com', client_id: 'catchd' }
    await daemon.api('PUT', '/v1/profiles/corp', { body: corp })
    await card(page, 'corp').waitFor(SOON)
    expect(await gw.getByText('catchd token gw', { exact: true }).isVisible()).toBe(true)
    expect(await page.evaluate('document.activeElement.textContent')).toContain('Copy for Shell')
  })

  test('a snippet is copied', async () => {
    const { daemon } = await scene()
    const { page } = await enter(daemon, { permissions: ['clipboard-read', 'clipboard-write'] })
    await card(page, 'gw').getByText('Use it').click()
    await card(page, 'gw')
      .getByRole('button', { name: /^Copy for Shell/ })
      .click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('catchd token gw')
  })

  test('leaving ends it, and a restart of the daemon does', async () => {
    const { daemon } = await scene()
    const first = await enter(daemon)
    await first.page.getByRole('button', { name: 'Leave' }).click()
    await first.page.getByRole('heading', { name: 'Enter by catchd dashboard' }).waitFor()
    expect(await first.page.evaluate('localStorage.length')).toBe(0)
    const second = await enter(daemon)
    await daemon.restart()
    await second.page.getByRole('heading', { name: 'Your session has ended' }).waitFor({ timeout: 15_000 })
    expect(await second.page.locator('.card').count()).toBe(0)
  })

  test('a page next door cannot use the session, although its cookie is sent there', async () => {
    const { daemon } = await scene()
    const { context } = await enter(daemon)
    const sent: string[] = []
    const server = createServer((request, response) => {
      sent.push(request.headers.cookie ?? '')
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>next door</title>')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanUps.push(async () => void server.close())
    const neighbour = await context.newPage()
    const { port } = server.address() as AddressInfo
    await neighbour.goto(`http://127.0.0.1:${port}/`) // another port of the same host is the same site
    const [cookie = ''] = sent
    expect(cookie).toContain(`catchd-session-${daemon.apiPort}=`)

    const call = (path: string, init: string) =>
      neighbour.evaluate(
        `fetch('http://127.0.0.1:${daemon.apiPort}${path}', {credentials: 'include', ${init}}).then(() => 'read', () => 'refused')`,
      )
    expect(await call('/v1/profiles', '')).toBe('refused')
    expect(await call('/dashboard/leave', "method: 'POST'")).toBe('refused')
    // Nor can whoever runs that server, with the cookie and every header but the key of the page.
    const headers = {
      cookie,
      origin: `http://127.0.0.1:${daemon.apiPort}`,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-dest': 'empty',
    }
    for (const [method, path] of [
      ['GET', '/v1/clients'],
      ['POST', '/dashboard/leave'],
      ['GET', '/v1/tokens/gw'],
    ] as const) {
      const answer = await daemon.api(method, path, { via: 'tcp', key: null, headers })
      expect([path, answer.status]).toEqual([path, 403])
    }
    const page = await daemon.api('GET', '/', { via: 'tcp', key: null, headers: { cookie } })
    expect(page.text).toContain('Loading')
    expect(page.text).not.toMatch(/gw|catchd\.sock/)
    await neighbour.goto(`http://127.0.0.1:${daemon.apiPort}/`)
    await card(neighbour, 'gw').waitFor(SOON)
  })

  describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
    async function violations(page: Page): Promise<unknown> {
      await page.evaluate(AXE) // past the policy of the page, as a person's own tools are
      return page.evaluate(
        `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
          .then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))]))`,
      )
    }
    const shoot = async (page: Page, name: string) => {
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 })
        await page.screenshot({
          path: join(screenshots, `dashboard-${name}-${colorScheme}-${width}.png`),
          fullPage: true,
        })
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      }
    }

    test('full, with dialogs, empty and broken: nothing for axe to find', async () => {
      const { gateway, daemon } = await scene(
        {},
        {
          corp: { issuer: 'https://id.example.com', client_id: 'catchd', scope: 'openid offline_access' },
          'machine-to-machine': {
            token_endpoint: 'https://id.example.com/token',
            client_id: 'catchd',
            client_secret: { env: 'NOTHING' },
            grant: 'client_credentials',
          },
        },
      )
      const { page } = await enter(daemon, { colorScheme, ...credentialsOf(gateway) })
      await logIn(page)
      await daemon.api('POST', '/v1/clients', {
        body: { client: 'ci', profiles: ['gw', 'corp'], actions: ['token', 'login'] },
      })
      await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
      await daemon.api('POST', '/v1/tokens/machine-to-machine/refresh')
      await page.locator('[data-panel=waiting] li').waitFor(SOON)
      await page.locator('.notice').waitFor({ state: 'detached', timeout: 15_000 })
      expect(await violations(page)).toEqual([])
      await shoot(page, 'full')

      await card(page, 'gw').getByText('Use it').click()
      expect(await violations(page)).toEqual([])
      await shoot(page, 'snippets')
      await card(page, 'gw').getByText('Use it').click()

      await card(page, 'gw').getByRole('button', { name: 'Edit' }).click()
      await page.getByLabel('Base URL').fill('nonsense')
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('must be an http or https URL').waitFor()
      expect(await violations(page)).toEqual([])
      await shoot(page, 'editor')
      await page.keyboard.press('Escape')

      await page.getByRole('button', { name: 'Make a key' }).click()
      expect(await violations(page)).toEqual([])
      await shoot(page, 'key')
      await page.keyboard.press('Escape')

      await daemon.writeConfig('{ "profiles": ')
      await page
        .locator('.alerts')
        .getByText(/configuration file/)
        .waitFor(SOON)
      expect(await violations(page)).toEqual([])
      await shoot(page, 'broken')
    })

    test('empty, and for strangers: nothing for axe to find', async () => {
      const daemon = await startDaemon({ config: { profiles: {} } })
      cleanUps.push(() => daemon.stop())
      const { page } = await enter(daemon, { colorScheme })
      await page.getByRole('heading', { name: 'No profile yet' }).waitFor()
      expect(await violations(page)).toEqual([])
      await shoot(page, 'empty')
      await page.getByRole('button', { name: 'Leave' }).click()
      await page.getByRole('heading', { name: 'Enter by catchd dashboard' }).waitFor()
      expect(await violations(page)).toEqual([])
      await shoot(page, 'stranger')
    })
  })
})
