#!/usr/bin/env node
/**
 * The command `catchd`. It does `catchd token NAME` itself, runs `catchd daemon run` from the daemon's own file, and loads
 * main.ts for everything else.
 *
 * It is built as one CommonJS file: Node runs such a file before it has set up its loader of ES modules, which would take
 * a good part of the time of `catchd token`.
 */
import './process/no-debugger.js'
import { printTokenQuickly } from './fast-path/quick-token.js'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`catchd: Node.js 20.19 or newer is required; this is ${process.versions.node}.\n`)
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
