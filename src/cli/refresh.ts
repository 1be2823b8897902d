/** `catchd refresh NAME`: gets a new access token now, even if the old one is still valid. */
import type { Command } from 'commander'
import type { Context } from './context.js'
import { expiryInWords } from './instants.js'
import { facts, printJson, printResult, styled } from './output.js'

export function defineRefresh(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print the details of the new token as JSON, without the token')
    .action((name: string, options: { json?: true }) => refresh(context, name, options))
}

async function refresh(context: Context, name: string, options: { readonly json?: true }): Promise<void> {
  // The output is for people at a screen, so it does not contain the token. `catchd token` prints it.
  const { access_token: _secret, ...rest } = await context.client.refresh(name)
  if (options.json) return printJson(rest)
  printResult(styled('green', `Refreshed: ${name}`))
  printResult(
    facts([
      ['scope', rest.scope ?? 'unknown: the server does not say'],
      ['expires', expiryInWords(rest.expires_at, Date.now())],
    ]),
  )
}
