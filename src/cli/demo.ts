/** `catchd demo`: a whole login against a gateway of our own; src/demo does it. */
import { type Command, Option } from 'commander'
import type { Context } from './context.js'

interface DemoOptions {
  readonly keep?: true
  readonly serveGateway?: string
}

export function defineDemo(command: Command, _context: Context): void {
  command
    .option('--keep', 'leave the daemon and the gateway up to play with')
    // How the demo starts its gateway as a process of its own.
    .addOption(new Option('--serve-gateway <redirect-uri>').hideHelp())
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  if (options.serveGateway !== undefined) {
    const { serveGateway } = await import('../demo/gateway-process.js')
    return serveGateway(options.serveGateway)
  }
  const { runDemo } = await import('../demo/demo.js')
  await runDemo({ keep: options.keep === true })
}
