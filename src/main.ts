/**
 * The program: argv in, exit code out. The command `catchd` is quick-start.ts, which comes here with everything that
 * it cannot do with less. Nothing calls `process.exit`, so that output is flushed.
 */
import './plain-schemas.js'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from './cli/command-line.js'
import { surviveClosedOutput } from './fast-path/closed-output.js'

surviveClosedOutput()
const here = fileURLToPath(import.meta.url)
// Built, the daemon is started by the command itself, which is quicker; as a source this file is the program.
const program = here.endsWith('.ts') ? here : join(dirname(here), 'catchd.cjs')
await runCommandLine(process.argv.slice(2), program)
