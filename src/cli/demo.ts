/** `catchd demo`: shows a complete login at a gateway of its own. src/demo contains the demo. */
import { type Command, Option } from '@commander-js/extra-typings'
import type { Context } from './context.js'

export function define(command: Command, context: Context): void {
  command
    .option('--keep', 'leave the daemon and the gateway running, to try them out')
    // With this option, the demo starts its gateway as a separate process.
    .addOption(new Option('--serve-gateway <redirect-uri>').hideHelp())
    .action(async ({ keep = false, serveGateway: redirectUri }) => {
      if (redirectUri === undefined) {
        const { runDemo } = await import('../demo/demo.js')
        await runDemo({ keep, signal: context.signal })
      } else await (await import('../demo/gateway-process.js')).serveGateway(redirectUri)
    })
}
