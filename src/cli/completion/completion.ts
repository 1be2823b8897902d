/**
 * `catchd completion SHELL`: prints a script with which the shell completes commands, options and profile names. The
 * script calls `catchd completion candidates -- WORDS`, which asks the daemon for profile names only if it is running.
 */
import { Argument, Command } from '@commander-js/extra-typings'
import { COMMANDS } from '../commands.js'
import type { Context } from '../context.js'
import { candidates, type Sources } from './candidates.js'
import { COMPLETION_SCRIPTS, COMPLETION_SHELLS } from './scripts.js'

/** The user waits for the completion after pressing the tab key. */
const PROFILES_WITHIN_MS = 300

export function define(command: Command, context: Context): void {
  command
    .addArgument(new Argument('<shell>', 'your shell').choices(COMPLETION_SHELLS))
    .addHelpText(
      'after',
      '\nbash:        eval "$(catchd completion bash)"\nzsh:         eval "$(catchd completion zsh)"\nfish:        catchd completion fish | source\npowershell:  catchd completion powershell | Out-String | Invoke-Expression',
    )
    .action((shell) => void process.stdout.write(COMPLETION_SCRIPTS[shell]))
  command
    .command('candidates', { hidden: true })
    .argument('[words...]')
    .action(async (words) => {
      const found = await candidates(words, sourcesOf(context))
      process.stdout.write(found.map((text) => `${text}\n`).join(''))
    })
}

function sourcesOf(context: Context): Sources {
  return {
    commands: Object.keys(COMMANDS),
    async command(name) {
      const row = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
      if (row === undefined) return undefined
      const command = new Command(name)
      await (await row.load()).define(command, context)
      return command
    },
    async profiles() {
      try {
        const signal = AbortSignal.timeout(PROFILES_WITHIN_MS)
        return (await context.watchingClient.profiles({ signal })).map(({ profile }) => profile)
      } catch {
        return [] // without a daemon there are no names
      }
    },
  }
}
