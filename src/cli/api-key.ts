/** `catchd client`: API keys for tools that call the daemon over TCP. */
import type { Command } from '@commander-js/extra-typings'
import type { KeyAction } from '../client/api-types.js'
import { withoutTcp } from '../config/no-tcp.js'
import { suggestion } from '../config/suggestion.js'
import { choicesOf, commaList, duration } from './arguments.js'
import type { Context } from './context.js'
import { printJson, printNote, printResult, relative, table } from './output.js'

const ACTIONS: readonly KeyAction[] = ['token', 'login', 'admin']

export function define(command: Command, context: Context): void {
  command
    .command('add')
    .summary('create a key, and print it once')
    .argument('<name>', 'name of the tool')
    .requiredOption('--profiles <names>', 'profiles that it may use, separated by commas', commaList)
    .requiredOption('--actions <actions>', 'token, login, admin, separated by commas', choicesOf(ACTIONS))
    .option('--expires <duration>', 'such as 90d or 12h', duration)
    .option('--json', 'print the key and its permissions as JSON')
    .action(async (name, { profiles, actions, expires, json }) => {
      const added = await context.client.addClient({
        client: name,
        profiles,
        actions,
        expiresInSeconds: expires,
      })
      if (json) printJson(added)
      else {
        printNote('This key is shown once:')
        printResult(added.key)
      }
      // The key has already been printed.
      await warnOfTcp(context).catch(() => {})
      await warnOfUnknown(context, profiles).catch(() => {})
    })
  command
    .command('list')
    .summary('list the keys, without their secrets')
    .option('--json', 'print them as JSON')
    .action(async ({ json }) => {
      const clients = await context.client.clients()
      if (json) return printJson({ clients })
      if (clients.length === 0) return printNote(['No API keys yet.', '  → catchd client add --help'])
      const nowMs = Date.now()
      const time = (instant: string | null) => (instant === null ? 'never' : relative(instant, nowMs))
      const rows = clients.map(({ client, profiles, actions, expires_at, last_used_at, uses }) => [
        client,
        profiles.join(', '),
        actions.join(', '),
        time(expires_at),
        time(last_used_at),
        String(uses),
      ])
      printResult(table(['NAME', 'PROFILES', 'ACTIONS', 'EXPIRES', 'LAST USED', 'USES'], rows))
    })
  command
    .command('remove')
    .summary('remove a key, so that it can no longer be used')
    .argument('<name>', 'name of the tool')
    .option('--json', 'print the result as JSON')
    .action(async (name, { json }) => {
      await context.client.removeClient(name)
      if (json) printJson({ client: name, removed: true })
      else printResult(`Removed: ${name}`)
    })
}

/** Without this note, a taken port would only show later, as a program that does not answer. */
async function warnOfTcp({ client }: Pick<Context, 'client'>): Promise<void> {
  const status = await client.status()
  if (status.listeners.tcp === null) printNote(withoutTcp('API keys need the API port', status).message)
}

/** A key may be made before its profile. Without this note, a misspelled name would only show later, as a 403. */
export async function warnOfUnknown(
  context: Pick<Context, 'client'>,
  names: readonly string[],
): Promise<void> {
  const known = (await context.client.profiles()).map(({ profile }) => profile)
  for (const name of names) {
    if (known.includes(name)) continue
    printNote(`There is no profile "${name}" yet.${suggestion(name, known)}`)
  }
}
