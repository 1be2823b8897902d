/**
 * The dashboard in a real browser, on the built program: what the flows that look at it share.
 */
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { type Gateway, type GatewayOptions, startGateway } from '../../src/demo/gateway.js'
import { launchChromium } from '../support/browser.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'

/** For what only time brings: a stream that reconnects, a gathering of events. */
export const SOON = { timeout: 60_000 }

/** The row of a profile. */
export const card = (page: Page, profile: string) => page.locator(`[data-key="profile-${profile}"]`)

/** Opens the row. */
export async function opened(page: Page, profile: string) {
  const row = card(page, profile)
  await row.waitFor(SOON)
  if ((await row.locator('> details[open]').count()) === 0) await row.locator('summary').first().click()
  await row.getByRole('button', { name: 'Edit' }).waitFor(SOON)
  return row
}

/** To be called inside a `describe`: its hooks launch the browser and clean up. */
export function dashboardScene() {
  let browser: Browser
  const screenshots = process.env['CATCHD_TEST_SCREENSHOTS']
  const cleanUps: (() => Promise<void>)[] = []

  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
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

  return {
    cleanUps,
    scene,
    enter,
    logIn,
    newContext: () => browser.newContext(),
    /** Pictures are taken only if CATCHD_TEST_SCREENSHOTS names a folder for them. */
    keepsScreenshots: screenshots !== undefined,
    screenshot: (name: string) => join(screenshots ?? '', name),
    credentialsOf,
  }
}
