/**
 * `eval "$(catchd shell-init bash)"`: defines the functions `catchd_token NAME` and `catchd_header NAME`. They ask the
 * daemon without starting a process if the shell can do that (bash over TCP, zsh over the socket). In all other cases
 * they run the command line: without a daemon, without TCP, with options, or if the answer is not plainly a token.
 *
 * The key is never in the arguments or in the environment. It is read from its file, which has mode 0600.
 */
import { join } from 'node:path'
import { Argument, type Command } from '@commander-js/extra-typings'
import type { Context } from '../context.js'
import { addList } from '../help.js'
import { bashFunctions } from './bash.js'
import { zshFunctions } from './zsh.js'

/** What the functions know about this user's daemon. */
export interface ShellFacts {
  readonly socketPath: string
  readonly apiPort: number
  readonly keyFile: string
}

const SHELLS = { bash: bashFunctions, zsh: zshFunctions, fish: () => FISH }
const SHELL_NAMES = Object.keys(SHELLS) as (keyof typeof SHELLS)[]

/** fish cannot open sockets, so its functions run the command line. */
const FISH = `# catchd shell-init fish
function catchd_token
    command catchd token $argv
end
function catchd_header
    command catchd token $argv --format header
end
`

export function define(command: Command, context: Context): void {
  addList(command, 'Setup:', [
    ['bash, zsh', 'in ~/.bashrc or ~/.zshrc: eval "$(catchd shell-init bash)"'],
    ['fish', 'in config.fish: catchd shell-init fish | source'],
  ])
  command.addArgument(new Argument('<shell>', 'your shell').choices(SHELL_NAMES)).action(async (shell) => {
    process.stdout.write(SHELLS[shell](await factsOf(context)))
  })
}

async function factsOf(context: Context): Promise<ShellFacts> {
  const { folders } = context
  const { apiPort } = await context.settings()
  return {
    socketPath: folders.socketPath,
    apiPort,
    keyFile: join(folders.stateFolder, 'admin.key'),
  }
}
