#!/usr/bin/env node
/**
 * The command `catchd`: argv in, exit code out.
 *
 * `catchd token NAME` takes a short way that loads the client and nothing else; every other command line goes to
 * src/cli/command-line.ts. Nothing here calls `process.exit`, so that output is flushed.
 */
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`catchd: Node.js 20.19 or newer is needed; this is ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  await main(process.argv.slice(2))
}

/** Imports come after the version check: older versions would stumble over them with a riddle. */
async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endQuietly)
  process.stderr.on('error', () => {}) // nowhere left to complain
  if (argv[0] === 'token') {
    const { printTokenDirectly } = await import('./cli/token-hot-path.js')
    if (await printTokenDirectly(argv.slice(1))) return
  }
  const { runCommandLine } = await import('./cli/command-line.js')
  await runCommandLine(argv, fileURLToPath(import.meta.url))
}

/** `catchd status | head -1`: who stopped reading has what they wanted. A full disk is a failure. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  process.exitCode = 1
  process.stderr.write(`catchd: The output cannot be written (${error.code}).\n`)
}
