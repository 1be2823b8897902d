/**
 * The program: argv in, exit code out. The command `catchd` is quick-start.ts, which loads this file for everything that
 * it cannot do itself. Nothing calls `process.exit`, so that all output is written.
 */
import './plain-schemas.js'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from './cli/command-line.js'
import { surviveClosedOutput } from './fast-path/closed-output.js'

surviveClosedOutput()
const here = fileURLToPath(import.meta.url)
// After a build, the command itself starts the daemon, which is faster. From source, this file is the program.
const program = here.endsWith('.ts') ? here : join(dirname(here), 'catchd.cjs')
await runCommandLine(process.argv.slice(2), program)
