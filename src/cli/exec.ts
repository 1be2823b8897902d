/**
 * `catchd exec NAME -- COMMAND …`: runs a command with the access token in its environment, never in its arguments, and
 * exits with the command's exit code.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { type Command, InvalidArgumentError } from '@commander-js/extra-typings'
import type { Context } from './context.js'
import { printNote } from './output.js'

/** The exit codes of shells. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** The terminal sends these to the command and to catchd. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const FORWARDED: readonly NodeJS.Signals[] = [...FROM_TERMINAL, 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--env <variable>', 'environment variable for the token', variableName, 'ACCESS_TOKEN')
    .action(async (name, words, { env }) => {
      const { access_token: token } = await context.client.token(name)
      context.client.close()
      process.exitCode = await runCommand(words, { ...process.env, [env]: token })
    })
}

function variableName(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text
  throw new InvalidArgumentError('It must be the name of an environment variable.')
}

/** Runs the user's command and forwards signals to it. @returns The exit code for catchd. */
export async function runCommand(
  [program = '', ...words]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(program, words, { stdio: 'inherit', env })
  const forward = (signal: NodeJS.Signals) => {
    if (!process.stdin.isTTY || !FROM_TERMINAL.includes(signal)) child.kill(signal)
  }
  for (const signal of FORWARDED) process.on(signal, forward)
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return signal === null ? (code ?? 0) : 128 + constants.signals[signal]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    printNote(`catchd: cannot run ${program} (${code ?? 'unknown'}).`)
    return code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward)
  }
}
