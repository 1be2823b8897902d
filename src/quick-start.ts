#!/usr/bin/env node
/**
 * The command `catchd`. `catchd token NAME` is answered here, `catchd daemon run` goes to the daemon's own file, everything
 * else to main.ts.
 *
 * Built as one CommonJS file: Node has such a file running before it has set up its loader of ES modules, which is
 * a good part of what `catchd token` takes.
 */
import { printTokenQuickly } from './fast-path/quick-token.js'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`catchd: Node.js 20.19 or newer is needed; this is ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  void start(process.argv.slice(2))
}

async function start([command, ...args]: readonly string[]): Promise<void> {
  if (command === 'token' && (await printTokenQuickly(args))) return
  if (command === 'daemon') {
    const { runDaemonQuickly } = await import('./fast-path/quick-daemon.js')
    if (await runDaemonQuickly(args)) return
  }
  await import('./main.js')
}
