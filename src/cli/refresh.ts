/** `catchd refresh NAME`: gets a new access token now, even if the old one is still valid. */
import type { Command } from '@commander-js/extra-typings'
import type { Context } from './context.js'
import { expiryInWords, facts, printJson, printResult, styled } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print the details of the new token as JSON, without the token')
    .action(async (name, { json }) => {
      // The output is for people at a screen, so it does not contain the token. `catchd token` prints it.
      const { access_token: _secret, ...rest } = await context.client.refresh(name)
      if (json) return printJson(rest)
      printResult(styled('green', `Refreshed: ${name}`))
      printResult(
        facts([
          ['scope', rest.scope ?? 'unknown: the server does not say'],
          ['expires', expiryInWords(rest.expires_at, Date.now())],
        ]),
      )
    })
}
