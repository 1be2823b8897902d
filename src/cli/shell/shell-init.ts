/**
 * `eval "$(catchd shell-init bash)"`: defines the functions `catchd_token NAME` and `catchd_header NAME`. They ask the
 * daemon without starting a process if the shell can do that (bash over TCP, zsh over the socket). In all other cases
 * they run the command line: no daemon, no TCP, options, an answer that they cannot read.
 *
 * The key is never in the arguments or in the environment. It is read from its file, which has mode 0600.
 */
import { join } from 'node:path'
import { Argument, type Command } from 'commander'
import { FAILURES } from '../../failures.js'
import type { Context } from '../context.js'
import { bashFunctions } from './bash.js'
import { fishFunctions } from './fish.js'
import { zshFunctions } from './zsh.js'

/** What the functions know about this user's daemon. */
export interface ShellFacts {
  readonly socketPath: string
  readonly apiPort: number
  readonly keyFile: string
  /** Exit code by failure code. */
  readonly exitCodes: ReadonlyMap<string, number>
}

const SHELLS = { bash: bashFunctions, zsh: zshFunctions, fish: fishFunctions }
type Shell = keyof typeof SHELLS

export function defineShellInit(command: Command, context: Context): void {
  command
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      '\nIn ~/.bashrc or ~/.zshrc:    eval "$(catchd shell-init bash)"\nIn config.fish:              catchd shell-init fish | source',
    )
    .action((shell: Shell) => {
      process.stdout.write(SHELLS[shell](factsOf(context)))
    })
}

function factsOf({ environment, folders }: Context): ShellFacts {
  return {
    socketPath: folders.socketPath,
    apiPort: environment.apiPort,
    keyFile: join(folders.stateFolder, 'admin.key'),
    exitCodes: new Map(Object.entries(FAILURES).map(([code, { exitCode }]) => [code, exitCode])),
  }
}
