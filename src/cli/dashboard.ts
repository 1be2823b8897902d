/**
 * `catchd dashboard`: prints a one-time link to the dashboard and opens it. If the browser does not open, that is not a
 * failure: the link on stdout works for a minute in any browser on this machine.
 */
import type { Command } from 'commander'
import type { Context } from './context.js'
import { printJson, printNote, printResult } from './output.js'

interface DashboardOptions {
  readonly browser: boolean
  readonly json?: true
}

export function defineDashboard(command: Command, context: Context): void {
  command
    .option('--no-browser', 'print the link without opening a browser')
    .option('--json', 'print the link and its expiry as JSON')
    .action((options: DashboardOptions) => dashboard(context, options))
}

async function dashboard(context: Context, options: DashboardOptions): Promise<void> {
  const link = await context.client.dashboardLink()
  if (options.json) printJson(link)
  else printResult(link.url)
  printNote('The link works once, within one minute.')
  if (options.browser) await open(context, link.url)
}

async function open(context: Context, url: string): Promise<void> {
  const { browserOpener } = await import('../daemon/browser.js')
  try {
    await browserOpener(context.environment.browser ?? null, process.env)(url)
  } catch (error) {
    printNote(error instanceof Error ? error.message : 'The browser cannot be started.')
  }
}
