/** The redirect listener as a real browser meets it: history, address bar, reload, scripts under the policy. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { needs } from '../../support/needs.js'
import { CODE, GENUINE, openListener, STATE } from './opened-listener.js'

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
    expect(page.url()).toBe(`http://${listener.authority}/catchd/login-1`)
    expect(await page.textContent('h1')).toBe('Logged in: gw')
    const shown = await page.content()
    await page.reload()
    expect(await page.content()).toBe(shown)
    expect(shown).not.toContain(CODE)
    expect(shown).not.toContain(STATE)
    expect(await page.evaluate('document.referrer + history.length')).not.toMatch(/canary/)
    expect([listener.logins.tokenRequests, complaints]).toEqual([1, []])
  })

  test('a refused response leaves the address bar too, and a reload shows the refusal', async () => {
    const listener = await openListener()
    const { page, complaints } = await openPage()
    await page.goto(`${listener.redirectUri}?code=${CODE}&state=never-issued-0123456789`)
    await expect.poll(() => page.url()).toBe(`http://${listener.authority}/catchd/refused/state_unknown`)
    const headline = await page.textContent('h1')
    await page.reload()
    expect(await page.textContent('h1')).toBe(headline)
    expect([listener.logins.isPending('login-1'), complaints]).toEqual([true, []])
  })

  test('a fragment response is handed over', async () => {
    const listener = await openListener({ responseMode: 'fragment' })
    const { page, complaints } = await openPage()
    await page.goto(await sendOn(`${listener.redirectUri}#${GENUINE}`))
    await page.waitForURL('**/catchd/login-1')
    expect(await page.textContent('h1')).toBe('Logged in: gw')
    expect([listener.logins.tokenRequests, complaints]).toEqual([1, []])
    await page.goBack()
    expect(page.url()).not.toContain(CODE)
  })

  test('a form_post response of another site is taken', async () => {
    const listener = await openListener({ responseMode: 'form_post' })
    const { page } = await openPage()
    const form = `<form method="post" action="${listener.redirectUri}"><input name="code" value="${CODE}"><input name="state" value="${STATE}"></form><script>document.forms[0].submit()</script>`
    await page.goto(await sendOn(null, form))
    await page.waitForURL('**/catchd/login-1')
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
    await expect.poll(() => listener.events.length).toBeGreaterThanOrEqual(3)
    expect(listener.events.every(({ event }) => event === 'redirect.refused')).toBe(true)
    expect([listener.logins.tokenRequests, listener.logins.isPending('login-1')]).toEqual([0, true])
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
