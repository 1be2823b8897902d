/**
 * How the dashboard looks, and whether everybody can use it: axe in every state, in light and dark, wide and narrow. One
 * daemon whose home fills up: no profile, one, twelve, a hundred.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutChromium } from '../support/browser.js'
import { type Crowd, startCrowd } from './dashboard-crowd.js'
import { card, dashboardScene, opened, SOON } from './dashboard-scene.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe.skipIf(withoutChromium !== undefined)('the dashboard in chromium', () => {
  const { enter, screenshot, keepsScreenshots } = dashboardScene()
  let crowd: Crowd
  beforeAll(async () => {
    crowd = await startCrowd()
  })
  afterAll(() => crowd?.close())

  async function violations(page: Page): Promise<unknown> {
    await page.evaluate(AXE) // past the policy of the page, as a person's own tools are
    return page.evaluate(
      `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
          .then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))]))`,
    )
  }

  /** What is smaller than a fingertip: 24 px (WCAG 2.5.8). A checkbox is its label. */
  function smallTargets(page: Page): Promise<unknown> {
    return page.evaluate(`[...document.querySelectorAll('button, summary, a[href]:not(.skip), input, select, textarea')]
      .filter((target) => target.checkVisibility())
      .map((target) => target.matches('[type=checkbox]') ? target.closest('label') : target)
      .filter((target) => Math.min(target.offsetWidth, target.offsetHeight) < 24)
      .map(({ outerHTML }) => outerHTML.slice(0, 160))`)
  }

  /** Pictures, where somebody asked for them, and nothing for axe to find. @returns the height of the page by its width */
  async function look(page: Page, name: string): Promise<Record<number, number>> {
    const heights: Record<number, number> = {}
    for (const [width, colorScheme] of [
      [1280, 'light'],
      [390, 'dark'],
      ...(keepsScreenshots
        ? ([
            [1280, 'dark'],
            [390, 'light'],
          ] as const)
        : []),
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 900 })
      if (keepsScreenshots) {
        const path = screenshot(`dashboard-${name}-${colorScheme}-${width}.png`)
        await page.screenshot({ path, fullPage: true })
      }
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      heights[width] = Number(await page.evaluate('document.documentElement.scrollHeight'))
      expect(await violations(page), `${name} ${width} ${colorScheme}`).toEqual([])
      expect(await smallTargets(page), `${name} ${width}`).toEqual([])
    }
    await page.setViewportSize({ width: 1280, height: 900 })
    return heights
  }

  test('without profiles: what to do first', async () => {
    const { page } = await enter(crowd.daemon)
    await page.getByRole('heading', { name: 'Connect your first service' }).waitFor()
    await expect
      .poll(() => page.locator('section:visible h2').allTextContents())
      .toEqual(['Profiles', 'Health'])
    await look(page, '0')
    await page.getByRole('button', { name: 'Add a profile' }).click()
    await look(page, '0-form')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'End session' }).click()
    await page.getByRole('heading', { name: 'Run catchd dashboard to open this page' }).waitFor()
    await look(page, 'stranger')
  })

  test('one profile: open', async () => {
    await crowd.populate(1)
    const { page } = await enter(crowd.daemon)
    await card(page, 'calendar').getByText('Logged in', { exact: true }).waitFor(SOON)
    await card(page, 'calendar').getByText('Use it').click()
    await look(page, '1')
  })

  test('twelve: a line each; filtered', async () => {
    await crowd.populate(12)
    await crowd.daemon.api('POST', '/v1/clients', {
      body: { client: 'editor', profiles: ['hub', 'wiki'], actions: ['token', 'login'] },
    })
    const { page } = await enter(crowd.daemon)
    await card(page, 'wiki').getByText('Logged in', { exact: true }).waitFor(SOON)
    const heights = await look(page, '12')
    // With the advice of the waiting login, which comes after 20 s.
    expect(heights[1280]).toBeLessThan(1450)
    expect(heights[390]).toBeLessThan(2600)

    await page.getByRole('button', { name: /^Login required/ }).click()
    await expect.poll(() => page.locator('.profiles > li').count()).toBe(3)
    await look(page, '12-filtered')
    await page.getByLabel('Find a profile').first().fill('nothing like it')
    await page.getByText('No profile matches').waitFor()
    await look(page, '12-nothing')
  })

  test('twelve: opened, and with each dialog', async () => {
    await crowd.populate(12)
    const { page } = await enter(crowd.daemon)
    await opened(page, 'legacy')
    await opened(page, 'hub')
    await look(page, '12-open')

    await card(page, 'hub').getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Issuer').fill('nonsense')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('must be an http or https URL').waitFor()
    await look(page, '12-mistake')
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByRole('button', { name: 'Make the key' }).click()
    await page.getByText('Choose at least one profile.').waitFor()
    await look(page, '12-key')
  })

  test('with a configuration that is broken', async () => {
    const { page } = await enter(crowd.daemon)
    await crowd.daemon.writeConfig('{ "profiles": ')
    await page
      .locator('.alerts')
      .getByText(/configuration file/)
      .waitFor(SOON)
    await look(page, 'broken')
  })

  test('a hundred: the first fifty, and a way to the others', async () => {
    await crowd.populate(100)
    const { page } = await enter(crowd.daemon)
    await expect.poll(() => page.locator('.profiles > li').count(), SOON).toBe(50)
    await page.getByText('50 of 100 profiles are shown.').waitFor()
    await look(page, '100')
  })
})
