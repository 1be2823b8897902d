/** The pictures of pages: the dashboard with profiles in different states, and the page at the end of a login. */
import type { Page } from 'playwright-core'
import { launchChromium } from '../../test/support/browser.js'
import type { Office } from './fictional-office.js'
import { ADD_GW } from './recorded-session.js'
import { smallPng } from './small-png.js'

const SCHEMES = ['light', 'dark'] as const

/** @returns A path from the root of the repository. */
function fileOf(name: string, scheme: (typeof SCHEMES)[number]): string {
  return `docs/images/${name}-${scheme}.png`
}

export const SCREENSHOT_FILES = ['success', 'dashboard'].flatMap((name) =>
  SCHEMES.map((scheme) => fileOf(name, scheme)),
)

/** @param office - With a profile `gw` that is logged in. */
export async function takeScreenshots(office: Office): Promise<ReadonlyMap<string, Buffer>> {
  await addProfiles(office)
  const browser = await launchChromium()
  const taken = new Map<string, Buffer>()
  try {
    const context = await browser.newContext({
      deviceScaleFactor: 2,
      ignoreHTTPSErrors: true,
      proxy: { server: office.proxyUrl, bypass: '127.0.0.1' },
      timezoneId: 'UTC',
    })
    const [page, blank] = [await context.newPage(), await context.newPage()]
    const take = async (name: string, height: number, width: number) => {
      await page.setViewportSize({ width, height })
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme })
        await settle(page, office)
        taken.set(fileOf(name, colorScheme), await page.screenshot({ animations: 'disabled' }))
      }
    }

    await page.goto(
      JSON.parse(await office.stdoutOf('catchd login gw --start --no-browser')).authorization_url,
    )
    await page.getByRole('heading', { name: /Logged in/ }).waitFor()
    await take('success', 660, 800)

    await office.run('catchd login gw-test --start --no-browser')
    await page.goto((await office.stdoutOf('catchd dashboard --no-browser')).trim())
    await page.getByText('Live', { exact: true }).waitFor()
    await take('dashboard', 800, 1200)
    for (const [path, png] of taken) taken.set(path, await smallPng(blank, png))
  } finally {
    await browser.close()
  }
  return taken
}

/** One that will wait for its login, some that were never logged in, and a key. */
async function addProfiles(office: Office): Promise<void> {
  const elsewhere = ADD_GW.replace(' gw ', ' gw-test ').replace('gw.example', 'gw-test.example')
  await office.run(elsewhere)
  const others = ['github --preset github', 'google-mail --preset google']
  for (const profile of others) {
    await office.run(`catchd profile add ${profile} --client-id 5c2d9f7e --client-secret-stdin < secret.txt`)
  }
  await office.run('catchd client add nightly-build --profiles gw --actions token')
}

/** The page as a user has it: this machine's ports and folders are put back to the usual ones. */
async function settle(page: Page, office: Office): Promise<void> {
  const texts = (await page.evaluate(`(() => {
    window.texts = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) window.texts.push(walker.currentNode)
    return window.texts.map((node) => node.data)
  })()`)) as string[]
  const usual = texts.map((text) => office.normalised(text))
  await page.evaluate(
    `${JSON.stringify(usual)}.forEach((text, index) => { if (window.texts[index].data !== text) window.texts[index].data = text })`,
  )
}
