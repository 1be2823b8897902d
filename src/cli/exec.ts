/**
 * `catchd exec NAME -- COMMAND …`: runs a command with the access token in its environment, never in its arguments, and
 * exits with the command's exit code.
 */
import { type Command, InvalidArgumentError } from 'commander'
import { runCommand } from './child-command.js'
import type { Context } from './context.js'

export function defineExec(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--env <variable>', 'environment variable for the token', variableName, 'ACCESS_TOKEN')
    .action((name: string, words: string[], options: { env: string }) => exec(context, name, words, options))
}

async function exec(
  context: Context,
  name: string,
  words: readonly string[],
  options: { readonly env: string },
): Promise<void> {
  const { access_token: token } = await context.client.token(name)
  context.client.close()
  process.exitCode = await runCommand(words, { ...process.env, [options.env]: token })
}

function variableName(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text
  throw new InvalidArgumentError('It must be the name of an environment variable.')
}
