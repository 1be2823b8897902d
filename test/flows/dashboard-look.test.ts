/** How the dashboard looks, and whether everybody can use it: axe in every state, in light and dark, wide and narrow. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { withoutChromium } from '../support/browser.js'
import { startDaemon } from '../support/daemon.js'
import { card, dashboardScene, SOON } from './dashboard-scene.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe.skipIf(withoutChromium !== undefined)('the dashboard in chromium', () => {
  const { cleanUps, scene, enter, logIn, screenshot, credentialsOf } = dashboardScene()

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
          path: screenshot(`dashboard-${name}-${colorScheme}-${width}.png`),
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
      await page.reload() // the messages of the login are gone with it
      await page.locator('[data-panel=waiting] li').waitFor(SOON)
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
      await page.getByRole('button', { name: 'End session' }).click()
      await page.getByRole('heading', { name: 'Run catchd dashboard to open this page' }).waitFor()
      expect(await violations(page)).toEqual([])
      await shoot(page, 'stranger')
    })
  })
})
