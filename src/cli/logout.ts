/** `catchd logout NAME`: the daemon revokes the tokens where it can, and forgets them. */
import type { Command } from 'commander'
import type { Context } from './context.js'
import { printJson, printResult } from './output.js'

export function defineLogout(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: { json?: true }) => logout(context, name, options))
}

async function logout(context: Context, name: string, options: { readonly json?: true }): Promise<void> {
  await context.client.logout(name)
  if (options.json) return printJson({ profile: name, status: 'login_required' })
  printResult(`Logged out: ${name}`)
}
