/**
 * `catchd dashboard`: prints a one-time link to the dashboard and opens it. If the browser does not open, that is not a
 * failure: the link on stdout works for a minute in any browser on this machine.
 */
import type { Command } from '@commander-js/extra-typings'
import { placeOfSetting } from '../config/settings.js'
import { asCatchdError } from '../failures.js'
import type { Context } from './context.js'
import { printJson, printNote, printResult } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .option('--no-browser', 'print the link without opening a browser')
    .option('--json', 'print the link and its expiry as JSON')
    .action(async ({ browser, json }) => {
      const link = await context.client.dashboardLink()
      if (json) printJson(link)
      else printResult(link.url)
      printNote('The link works once, within one minute.')
      if (browser) await open(context, link.url)
    })
}

async function open(context: Context, url: string): Promise<void> {
  const { browserOpener } = await import('../browser/browser-opener.js')
  try {
    const { browser: command } = await context.settings()
    await browserOpener({ command, place: placeOfSetting(context.environment, 'browser') }, process.env)(url)
  } catch (error) {
    const { message, next } = asCatchdError(error)
    printNote([`${message} Open the link yourself. To use another browser, run:`, `  → ${next}`])
  }
}
