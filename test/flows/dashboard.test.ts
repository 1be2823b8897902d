/**
 * The dashboard in a real browser, on the built program: what a person sees, does and hears of, and that the content
 * security policy has nothing to complain about meanwhile.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { withoutChromium } from '../support/browser.js'
import { startDaemon } from '../support/daemon.js'
import { startOidcProvider } from '../support/oidc-provider.js'
import { card, dashboardScene, opened, SOON } from './dashboard-scene.js'

describe('catchd dashboard', () => {
  test('starts the daemon where there is none, and prints a link that lets in', async () => {
    const daemon = await startDaemon({ config: { profiles: {} } })
    try {
      await daemon.kill('SIGTERM')
      const { exitCode, stdout, stderr } = await daemon.cli(['dashboard'])
      expect(exitCode, stderr).toBe(0)
      const link = new URL(stdout.trim())
      expect(link.origin).toBe(`http://127.0.0.1:${daemon.apiPort}`)
      const entered = await daemon.follow(link.href)
      expect([entered.status, entered.headers.location]).toEqual([303, '/'])
    } finally {
      await daemon.stop()
    }
  })

  test('says what to do where the API port is off', async () => {
    const daemon = await startDaemon({ config: { profiles: {} }, env: { CATCHD_API_PORT: '0' } })
    try {
      const { exitCode, stdout, stderr } = await daemon.cli(['dashboard'])
      expect([exitCode, stdout]).toEqual([7, ''])
      expect(stderr).toContain('CATCHD_API_PORT=0 turns off')
      expect(stderr).toContain('→ CATCHD_API_PORT=7636 catchd daemon restart')
    } finally {
      await daemon.stop()
    }
  })
})

describe.skipIf(withoutChromium !== undefined)('the dashboard in chromium', () => {
  const { cleanUps, scene, enter, logIn, newContext, credentialsOf } = dashboardScene()

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

    const other = await (await newContext()).newPage()
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
    await gw.getByText(/^Every refresh fails/).waitFor(SOON)
    await gw.getByText('Refresh failing', { exact: true }).waitFor(SOON)
  })

  test('a login that waits can be gone on with, and given up', async () => {
    const { gateway, daemon } = await scene()
    const { page, complaints } = await enter(daemon, credentialsOf(gateway))
    const waiting = page.locator('[data-panel=waiting]')
    expect(await waiting.isHidden()).toBe(true)
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
    await waiting.waitFor({ ...SOON, state: 'hidden' })
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
    await card(page, 'tv').locator('summary').getByText('ada', { exact: true }).waitFor(SOON)
    await expect.poll(() => dialog.count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('a key is shown once, shows its use, and is removed', async () => {
    const { daemon } = await scene()
    const { page, complaints } = await enter(daemon)
    const keys = page.locator('[data-panel=keys]')
    await keys.getByText(/No keys/).waitFor()
    await keys.getByRole('button', { name: 'Create a key' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make the key' }).click()
    const dialog = page.getByRole('dialog')
    // Nothing is allowed until it is chosen, and what is missing is said at its place.
    expect(await dialog.getByRole('checkbox', { checked: true }).count()).toBe(0)
    for (const text of [
      'Name must not be empty.',
      'Choose at least one profile.',
      'Choose at least one action.',
    ])
      await dialog.getByText(text).waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('key-client')
    await dialog.getByLabel('Name').fill('CI')
    await dialog.getByLabel('gw').check()
    await dialog.getByLabel('Get tokens of these profiles').check()
    await page.getByRole('button', { name: 'Make the key' }).click()
    await dialog.getByText('Name must be 1 to 64 of a-z').waitFor()
    expect(await dialog.getByLabel('gw').isChecked()).toBe(true)
    await dialog.getByLabel('Name').fill('ci')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const shown = page.locator('#new-key-value')
    await expect.poll(() => shown.textContent()).toMatch(/^[\w-]{43}$/)
    const key = (await shown.textContent()) ?? ''
    await page.getByRole('button', { name: 'Done' }).click()
    await keys.getByText('not used yet').waitFor(SOON)
    await page.locator('[data-panel=activity]').getByText('created: token for gw').waitFor(SOON)
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
    await dialog.getByText('More settings').click()
    await dialog.getByLabel('Other settings').fill('{"dpopp": true}')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('must be an http or https URL').waitFor()
    await dialog.getByText('unknown: dpopp').waitFor()
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
    await dialog.getByText('Name must not be empty.').waitFor()
    await dialog.getByLabel('Name').fill('Corp')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Name must be 1 to 64 of a-z').waitFor()
    await dialog.getByLabel('Name').fill('gw')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('There is already a profile gw.').waitFor()
    await dialog.getByLabel('Name').fill('corp')
    await dialog.getByLabel('Issuer').fill('https://id.example.com')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.locator('#profile-client_id-error').getByText('Set client_id').waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('profile-client_id')
    expect(await dialog.getByLabel('Issuer').inputValue()).toBe('https://id.example.com')
    await dialog.getByLabel('Client ID').fill('catchd')
    await dialog.getByLabel('Client secret').fill('a secret for the vault')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await card(page, 'corp').locator('summary').getByText('id.example.com').waitFor(SOON)
    await page.locator('[data-panel=activity]').getByText('profile corp added').waitFor(SOON)
    expect((await daemon.api('GET', '/v1/profiles/corp')).json).toMatchObject({
      configuration: { issuer: 'https://id.example.com', client_secret: { keychain: true } },
    })
    expect(await page.content()).not.toContain('a secret for the vault')

    await (await opened(page, 'corp')).getByRole('button', { name: 'Edit' }).click()
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

  test('all of it works from the keyboard, and the focus comes back', async () => {
    const { daemon } = await scene()
    const { page } = await enter(daemon)
    await card(page, 'gw').getByText('Login required', { exact: true }).waitFor()
    const focused = () => page.evaluate('document.activeElement.textContent.trim()')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to the profiles')
    await page.keyboard.press('Enter')
    const reached: unknown[] = []
    for (let presses = 0; presses < 6; presses += 1) {
      await page.keyboard.press('Tab')
      reached.push(await focused())
    }
    expect(reached).toEqual([
      'Add a profile',
      expect.stringMatching(/^gw .*Login required/s),
      'Copy the redirect URI of gw',
      'Log in gw',
      'Edit gw',
      'Use it gw',
    ])
    await page.keyboard.press('Enter')
    expect(await card(page, 'gw').getByText('catchd token gw', { exact: true }).isVisible()).toBe(true)
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Edit gw' }).waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    expect(await focused()).toBe('Edit gw')
  })

  test('of a thousand profiles, fifty are shown, and the others are found; news change neither focus nor view', async () => {
    const entries = Array.from({ length: 999 }, (_, n) => [
      `p${n}`,
      { issuer: `https://id${n}.example.com`, client_id: 'catchd' },
    ])
    const { gateway, daemon } = await scene({}, Object.fromEntries(entries))
    const { page } = await enter(daemon, credentialsOf(gateway))
    const shown = () => page.locator('.profiles h3').allTextContents()
    await expect.poll(shown, SOON).toHaveLength(50)
    expect((await page.locator('main').innerHTML()).length).toBeLessThan(120_000)
    await page.getByRole('button', { name: 'Show 50 more' }).click()
    await expect.poll(shown, SOON).toHaveLength(100)

    const find = page.getByLabel('Find a profile').first()
    await find.fill('ID17.example')
    await expect.poll(shown, SOON).toEqual(['p17'])
    await opened(page, 'p17')
    await find.focus()
    await daemon.api('POST', '/v1/clients', { body: { client: 'ci', profiles: ['gw'], actions: ['token'] } })
    await page.locator('[data-panel=keys]').getByText('ci', { exact: true }).first().waitFor(SOON)
    expect(await shown()).toEqual(['p17'])
    expect(await card(page, 'p17').getByRole('button', { name: 'Edit' }).isVisible()).toBe(true)
    expect(await page.evaluate('document.activeElement.id')).toBe('find')
    await find.fill('nothing like it')
    await page.getByRole('button', { name: 'Show all profiles' }).click()
    await expect.poll(shown, SOON).toHaveLength(50)
    expect(await find.inputValue()).toBe('')

    // A row that moves to another place keeps the focus; so does its line when the focused button is gone.
    await find.fill('gw')
    await page.getByRole('button', { name: 'Log in gw' }).focus()
    await daemon.login('gw', (url) => {
      const [{ name, password }] = gateway.users
      return approve(url, { user: name, password })
    })
    await card(page, 'gw').getByText('Logged in', { exact: true }).waitFor(SOON)
    expect(await page.evaluate("document.activeElement.closest('li')?.dataset.key")).toBe('profile-gw')
    await page.getByRole('button', { name: /^Ready/ }).click()
    await expect.poll(shown, SOON).toEqual(['gw'])
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
    await first.page.getByRole('button', { name: 'End session' }).click()
    await first.page.getByRole('heading', { name: 'Run catchd dashboard to open this page' }).waitFor()
    expect(await first.page.evaluate('localStorage.length')).toBe(0)
    const second = await enter(daemon)
    await daemon.restart()
    await second.page.getByRole('heading', { name: 'Your session has ended' }).waitFor(SOON)
    expect(await second.page.locator('.profiles').count()).toBe(0)
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
})
