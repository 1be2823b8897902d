/** `catchd client`: API keys for tools that talk to the daemon over TCP. */
import { type Command, InvalidArgumentError } from 'commander'
import type { ClientAnswer, KeyAction } from '../client/api-types.js'
import { suggestion } from '../config/suggestion.js'
import { commaList, duration } from './arguments.js'
import type { Context } from './context.js'
import { relative } from './instants.js'
import { printJson, printNote, printResult, table } from './output.js'

const ACTIONS: readonly KeyAction[] = ['token', 'login', 'admin']

interface AddOptions {
  readonly profiles: string[]
  readonly actions: KeyAction[]
  readonly expires?: number
  readonly json?: true
}

export function defineClient(command: Command, context: Context): void {
  command
    .command('add')
    .summary('make a key, shown this once')
    .argument('<name>', 'name of the tool')
    .requiredOption('--profiles <names>', 'profiles it may use, separated by commas', commaList)
    .requiredOption('--actions <actions>', 'token, login, admin, separated by commas', actions)
    .option('--expires <duration>', 'such as 90d or 12h', duration)
    .option('--json', 'print the key and what it may do as JSON')
    .action((name: string, options: AddOptions) => add(context, name, options))
  command
    .command('list')
    .summary('list the keys, without what is secret')
    .option('--json', 'print them as JSON')
    .action((options: { json?: true }) => list(context, options))
  command
    .command('remove')
    .summary('make a key useless at once')
    .argument('<name>', 'name of the tool')
    .option('--json', 'print the result as JSON')
    .action(async (name: string, options: { json?: true }) => {
      await context.client.removeClient(name)
      if (options.json) printJson({ client: name, removed: true })
      else printResult(`Removed: ${name}`)
    })
}

async function add(context: Context, name: string, options: AddOptions): Promise<void> {
  const added = await context.client.addClient({
    client: name,
    profiles: options.profiles,
    actions: options.actions,
    expiresInSeconds: options.expires,
  })
  if (options.json) printJson(added)
  else {
    printNote('This key is shown once:')
    printResult(added.key)
  }
  await warnOfUnknown(context, options.profiles).catch(() => {}) // the key is made and shown
}

/** A key may be made before its profile is; a misspelt name would only show as 403 much later. */
async function warnOfUnknown(context: Context, names: readonly string[]): Promise<void> {
  const known = (await context.client.profiles()).map(({ profile }) => profile)
  for (const name of names) {
    if (known.includes(name)) continue
    printNote(`There is no profile "${name}" yet.${suggestion(name, known)}`)
  }
}

async function list(context: Context, options: { readonly json?: true }): Promise<void> {
  const clients = await context.client.clients()
  if (options.json) return printJson({ clients })
  printResult(
    table(
      ['NAME', 'PROFILES', 'ACTIONS', 'EXPIRES', 'LAST USED', 'USES'],
      clients.map((key) => row(key, Date.now())),
    ),
  )
}

function row(key: ClientAnswer, nowMs: number): string[] {
  const expires = key.expires_at ? relative(key.expires_at, nowMs) : 'never'
  const lastUsed = key.last_used_at ? relative(key.last_used_at, nowMs) : 'never'
  return [key.client, key.profiles.join(', '), key.actions.join(', '), expires, lastUsed, String(key.uses)]
}

function actions(text: string): KeyAction[] {
  return commaList(text).map((word) => {
    const action = ACTIONS.find((known) => known === word)
    if (action === undefined) throw new InvalidArgumentError(`It must be of ${ACTIONS.join(', ')}.`)
    return action
  })
}
