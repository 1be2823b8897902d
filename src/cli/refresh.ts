/** `catchd refresh NAME`: a new access token now, whatever is left of the old one. */
import type { Command } from 'commander'
import type { Context } from './context.js'
import { expiryInWords } from './instants.js'
import { facts, printJson, printResult, styled } from './output.js'

export function defineRefresh(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print what is known of the new token, without it, as JSON')
    .action((name: string, options: { json?: true }) => refresh(context, name, options))
}

async function refresh(context: Context, name: string, options: { readonly json?: true }): Promise<void> {
  // The token itself is for `catchd token`; this command is run by people who look at a screen.
  const { access_token: _secret, ...rest } = await context.client.refresh(name)
  if (options.json) return printJson(rest)
  printResult(styled('green', `Refreshed: ${name}`))
  printResult(
    facts([
      ['scope', rest.scope ?? 'not said by the server'],
      ['expires', expiryInWords(rest.expires_at, Date.now())],
    ]),
  )
}
