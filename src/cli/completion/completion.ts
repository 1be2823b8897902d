/**
 * `catchd completion SHELL`: prints a script with which the shell completes commands, options and profile names. The
 * script calls `catchd completion candidates -- WORDS`, which asks the daemon for profile names only if it is running.
 */
import { Argument, Command } from '@commander-js/extra-typings'
import { COMMANDS, defineCommand } from '../commands.js'
import type { Context } from '../context.js'
import { addList } from '../help.js'
import { candidates, type Sources } from './candidates.js'
import { COMPLETION_SCRIPTS, COMPLETION_SHELLS } from './scripts.js'

/** The user waits for the completion after pressing the tab key. */
const PROFILES_WITHIN_MS = 300

export function define(command: Command, context: Context): void {
  command
    .usage('[options] <shell>') // without the hidden subcommand
    .addArgument(new Argument('<shell>', 'your shell').choices(COMPLETION_SHELLS))
    .action((shell) => void process.stdout.write(COMPLETION_SCRIPTS[shell]))
  addList(command, 'Setup:', [
    ['bash', 'eval "$(catchd completion bash)"'],
    ['zsh', 'eval "$(catchd completion zsh)"'],
    ['fish', 'catchd completion fish | source'],
    ['powershell', 'catchd completion powershell | Out-String | Invoke-Expression'],
  ])
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
      if (!Object.hasOwn(COMMANDS, name)) return undefined
      const command = new Command(name)
      await defineCommand(command, context)
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
