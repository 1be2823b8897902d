/**
 * The program: argv in, exit code out. quick-start.ts is the command `catchd` and loads this file for everything that it
 * does not do itself. Nothing calls `process.exit`, so that output is flushed.
 */
import './plain-schemas.js'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from './cli/command-line.js'
import { surviveClosedOutput } from './fast-path/closed-output.js'

surviveClosedOutput()
const here = fileURLToPath(import.meta.url)
// In the package the daemon is started with catchd.cjs, which is faster. In the sources this file is the program.
const program = here.endsWith('.ts') ? here : join(dirname(here), 'catchd.cjs')
await runCommandLine(process.argv.slice(2), program)
