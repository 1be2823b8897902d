/** The redirect listener as a real browser meets it: history, address bar, reload, scripts under the policy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { makeCertificates } from '../../support/certificates.js'
import { needs } from '../../support/needs.js'
import { CODE, GENUINE, openListener, openRedirects, STATE } from './opened-listener.js'

const reason = needs('chromium')

describe.skipIf(reason !== undefined)('in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    })
  })
  afterAll(() => browser?.close())

  /** A page, and what its console complained about (a refused script or style would). */
  async function openPage(): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    return { page, complaints }
  }

  /** An authorization server that sends the browser on; `body` may be an auto-submitting form. */
  async function sendOn(location: string | null, body = ''): Promise<string> {
    const server = createServer((_request, response) => {
      if (location !== null) response.writeHead(302, { location }).end()
      else response.writeHead(200, { 'content-type': 'text/html' }).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/authorize`
  }

  test('success leaves no code in the address bar, the history or the page; a reload shows the same', async () => {
    const listener = await openListener()
    const { page, complaints } = await openPage()
    await page.goto(await sendOn(`${listener.redirectUri}?${GENUINE}`))
    expect(page.url()).toBe(`http://${listener.authority}${listener.resultPath}`)
    expect(await page.textContent('h1')).toBe('Logged in: gw')
    const shown = await page.content()
    await page.reload()
    expect(await page.content()).toBe(shown)
    expect(shown).not.toContain(CODE)
    expect(shown).not.toContain(STATE)
    expect(await page.evaluate('document.referrer + history.length')).not.toMatch(/canary/)
    expect([listener.tokenRequests(), complaints]).toEqual([1, []])
  })

  test('a refused response leaves the address bar too, and a reload shows the refusal', async () => {
    const listener = await openListener()
    const { page, complaints } = await openPage()
    await page.goto(`${listener.redirectUri}?code=${CODE}&state=never-issued-0123456789`)
    await expect.poll(() => page.url()).toBe(`http://${listener.authority}/catchd/refused/state_unknown/gw`)
    const headline = await page.textContent('h1')
    await page.reload()
    expect(await page.textContent('h1')).toBe(headline)
    expect([listener.isPending(), complaints]).toEqual([true, []])
  })

  test('a fragment response is handed over', async () => {
    const listener = await openListener({ response_mode: 'fragment' })
    const { page, complaints } = await openPage()
    await page.goto(await sendOn(`${listener.redirectUri}#${GENUINE}`))
    await page.waitForURL(`**${listener.resultPath}`)
    expect(await page.textContent('h1')).toBe('Logged in: gw')
    expect([listener.tokenRequests(), complaints]).toEqual([1, []])
    await page.goBack()
    expect(page.url()).not.toContain(CODE)
  })

  test('a fragment response is handed over even if a query was asked for', async () => {
    const listener = await openListener()
    const { page, complaints } = await openPage()
    await page.goto(await sendOn(`${listener.redirectUri}#${GENUINE}`))
    await page.waitForURL(`**${listener.resultPath}`)
    expect([listener.tokenRequests(), complaints]).toEqual([1, []])
  })

  test('too many cookies of other ports: a page says so, and after they are deleted a reload ends the login', async () => {
    const listener = await openListener()
    const { page, complaints } = await openPage()
    const cookies = (count: number) =>
      Array.from({ length: count }, (_, n) => ({
        name: `app-${n}`,
        value: 'x'.repeat(3_900),
        domain: '127.0.0.1',
        path: '/',
      }))
    await page.context().addCookies(cookies(20))
    await page.goto(`${listener.redirectUri}?${GENUINE}`)
    expect(await page.textContent('h1')).toBe('Too many cookies')
    expect(listener.logins.hint(listener.login.id)).toContain('cookies')
    await page.context().clearCookies()
    await page.context().addCookies(cookies(12))
    await page.reload()
    expect(await page.textContent('h1')).toBe('Logged in: gw')
    expect([listener.tokenRequests(), complaints]).toEqual([1, []])
  })

  test('a browser that changes http to https is noticed', async () => {
    const listener = await openListener()
    const { page } = await openPage()
    const secured = `${listener.redirectUri}?${GENUINE}`.replace('http:', 'https:')
    await expect(page.goto(secured)).rejects.toThrow('ERR_SSL_PROTOCOL_ERROR')
    expect(listener.logins.hint(listener.login.id)).toContain('The browser used https')
    expect(listener.isPending()).toBe(true)
    expect((await listener.logins.paste(listener.login.id, secured)).status).toBe('succeeded')
  })

  test('a browser that does not trust the certificate is noticed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'catchd-browser-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { certFile, keyFile } = makeCertificates(folder)
    const { listeners, pend, logins } = await openRedirects()
    const files = { certificateFile: certFile, privateKeyFile: keyFile }
    const { redirectUri } = await listeners.acquire('https://localhost:0/callback/gw', null, files)
    const { id } = await pend({
      redirect_uri: redirectUri,
      redirect_certificate_file: certFile,
      redirect_private_key_file: keyFile,
    })
    const { page } = await openPage()
    await expect(page.goto(`${redirectUri}?${GENUINE}`)).rejects.toThrow('ERR_CERT')
    await expect.poll(() => logins.hint(id)).toContain('does not trust the certificate')
  })

  test('a form_post response of another site is taken', async () => {
    const listener = await openListener({ response_mode: 'form_post' })
    const { page } = await openPage()
    const form = `<form method="post" action="${listener.redirectUri}"><input name="code" value="${CODE}"><input name="state" value="${STATE}"></form><script>document.forms[0].submit()</script>`
    await page.goto(await sendOn(null, form))
    await page.waitForURL(`**${listener.resultPath}`)
    expect(await page.textContent('h1')).toBe('Logged in: gw')
  })

  test('images, frames and scripts of a web page change nothing', async () => {
    const listener = await openListener()
    const { page } = await openPage()
    const target = `${listener.redirectUri}?${GENUINE.replaceAll('&', '&amp;')}`
    await page.goto(
      await sendOn(
        null,
        `<img src="${target}"><iframe src="${target}"></iframe><script src="${target}"></script><link rel="prefetch" href="${target}">`,
      ),
    )
    await expect.poll(() => listener.answers.length).toBeGreaterThanOrEqual(3)
    expect(listener.answers.every(({ event }) => event === 'redirect.refused')).toBe(true)
    expect([listener.tokenRequests(), listener.isPending()]).toEqual([0, true])
  })

  test('the pages are drawn in the colours the person prefers, and fit a phone', async () => {
    const listener = await openListener()
    const { page } = await openPage()
    await page.goto(`${listener.redirectUri}?${GENUINE}`)
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    await page.emulateMedia({ colorScheme: 'light' })
    const light = await background()
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await background()).not.toBe(light)
    await page.setViewportSize({ width: 320, height: 640 })
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  })
})
