/** `catchd version`: prints the version of this program. The version of a running daemon is part of `catchd status`. */
import type { Command } from '@commander-js/extra-typings'
import { VERSION } from '../version.js'
import { printJson, printResult } from './output.js'

export function define(command: Command): void {
  command.option('--json', 'print it as JSON').action(({ json }) => {
    if (json) printJson({ version: VERSION })
    else printResult(VERSION)
  })
}
