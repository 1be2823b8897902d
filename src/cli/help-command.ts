/** `catchd help [COMMAND …]`: the same as `--help` after the command. */
import type { Command, CommandUnknownOpts } from '@commander-js/extra-typings'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { defineCommand } from './commands.js'
import type { Context } from './context.js'

export function define(command: Command, context: Context): void {
  command.argument('[command...]', 'command, with its subcommand').action(async (words) => {
    let shown: CommandUnknownOpts = command.parent ?? command
    for (const [index, word] of words.entries()) {
      // More words are arguments of the command.
      if (shown.commands.length === 0) break
      const next = shown.commands.find((nested) => nested.name() === word)
      if (next === undefined) throw unknown(shown, words.slice(0, index), word)
      if (index === 0 && next !== command) await defineCommand(next, context)
      shown = next
    }
    shown.outputHelp()
  })
}

function unknown({ commands }: CommandUnknownOpts, before: readonly string[], word: string): CatchdError {
  const within = [...before, ''].join(' ')
  const names = commands.map((command) => within + command.name())
  return new CatchdError('request_invalid', {
    detail: `Unknown command '${within}${word}'.${suggestion(within + word, names).replaceAll('"', "'")}`,
    next: ['catchd help', ...before].join(' '),
  })
}
