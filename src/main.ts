/**
 * The program: argv in, exit code out. The command `catchd` is quick-start.ts, which comes here with everything that
 * it cannot do with less. Nothing calls `process.exit`, so that output is flushed.
 */
import { fileURLToPath } from 'node:url'
import { surviveClosedOutput } from './cli/closed-output.js'
import { runCommandLine } from './cli/command-line.js'

surviveClosedOutput()
await runCommandLine(process.argv.slice(2), fileURLToPath(import.meta.url))
