/** `catchd profile add|list|show|remove|edit`: the configuration, through the daemon that owns the file. */

import type { Command } from 'commander'
import type { ProfileAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { needsNoPerson } from '../config/grants.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { readAll } from './line-input.js'
import { printJson, printNote, printResult, styled } from './output.js'
import { profileTable } from './profile-table.js'

interface JsonOption {
  readonly json?: true
}

interface AddOptions extends JsonOption {
  readonly clientSecretStdin?: true
  readonly replace?: true
  readonly [key: string]: unknown
}

export async function defineProfile(command: Command, context: Context): Promise<void> {
  await defineAdd(command.command('add').summary('add a profile'), context)
  command
    .command('list')
    .summary('list the profiles')
    .option('--json', 'print them as JSON')
    .action(async (options: JsonOption) => {
      const profiles = await context.client.profiles()
      if (options.json) printJson({ profiles })
      else printResult(profileTable(profiles, Date.now()))
    })
  command
    .command('show')
    .summary('print a profile and its status as JSON')
    .argument('<name>', 'profile')
    .option('--json', 'accepted for scripts; the output is always JSON')
    .action(async (name: string) => {
      printResult(JSON.stringify(await context.client.profile(name), null, 2))
    })
  command
    .command('remove')
    .summary('log out and remove a profile')
    .argument('<name>', 'profile')
    .option('--json', 'print the result as JSON')
    .action(async (name: string, options: JsonOption) => {
      await context.client.removeProfile(name)
      if (options.json) printJson({ profile: name, removed: true })
      else printResult(`Removed: ${name}`)
    })
  command
    .command('edit')
    .summary('open the configuration file in $VISUAL or $EDITOR')
    .argument('[name]', 'profile to change')
    .option('--json', 'print the result as JSON')
    .action(async (name: string | undefined, options: JsonOption) => {
      const { editConfiguration } = await import('./profile-edit.js')
      await editConfiguration(context, name, options)
    })
}

async function defineAdd(command: Command, context: Context): Promise<void> {
  const { profileKeyOptions } = await import('./profile-keys.js')
  command
    .argument('<name>', 'name of the profile')
    .option('--client-secret-stdin', 'read the client secret from stdin; it is stored in the vault')
    .option('--replace', 'replace a profile of this name')
    .option('--json', 'print the profile as JSON')
  for (const option of profileKeyOptions()) command.addOption(option)
  command.action((name: string, options: AddOptions) => add(context, name, options))
}

async function add(context: Context, name: string, options: AddOptions): Promise<void> {
  const { entryFrom } = await import('./profile-keys.js')
  const entry = entryFrom(options)
  if (options.clientSecretStdin) entry['client_secret'] = await readSecret(name)
  const { client } = context
  const exists = await isTaken(client, name)
  if (exists && !options.replace) {
    throw new CatchdError('request_invalid', {
      detail: `A profile "${name}" already exists. Use --replace to replace it.`,
      profile: name,
      next: `catchd profile show ${name}`,
    })
  }
  const answer = await client.putProfile(name, entry).catch((error: unknown) => {
    throw inOptions(error)
  })
  if (options.json) return printJson(answer)
  printResult(styled('green', `${exists ? 'Replaced' : 'Added'}: ${name}`))
  await printAdvice(context, answer)
}

/** A profile that only other profiles extend exists, although it cannot be shown. */
async function isTaken(client: CatchdClient, name: string): Promise<boolean> {
  try {
    await client.profile(name)
    return true
  } catch (error) {
    if (!(error instanceof CatchdError)) throw error
    if (error.code === 'profile_unknown') return false
    if (error.code === 'profile_invalid') return true
    throw error
  }
}

/** Replaces the names of the API's body members with the options of this command. */
function inOptions(error: unknown): unknown {
  if (!(error instanceof CatchdError && error.code === 'request_invalid')) return error
  return new CatchdError('request_invalid', {
    detail: (error.detail ?? '')
      .replace(/\bpath\.profile:/g, 'the name')
      .replace(/\bbody\.([a-z_]+)(\.\S+)?:/g, (_, key: string) => `--${key.replaceAll('_', '-')}`),
    next: 'catchd profile add --help',
  })
}

async function printAdvice(context: Context, { profile, configuration }: ProfileAnswer): Promise<void> {
  const { grant } = configuration
  if (grant !== undefined && needsNoPerson(grant)) {
    printNote(`  → catchd token ${profile}`)
    return
  }
  const { registrationAdvice } = await import('./registration-advice.js')
  const port = context.environment.redirectPort
  for (const line of registrationAdvice(profile, configuration, port)) printNote(line)
  printNote(`  → catchd login ${profile}`)
}

async function readSecret(name: string): Promise<string> {
  if (process.stdin.isTTY) {
    // A typed secret would be visible on the screen.
    throw new CatchdError('request_invalid', {
      detail: '--client-secret-stdin needs a pipe or a file on stdin, but stdin is the terminal.',
      next: `catchd profile add ${name} … --client-secret-stdin < FILE`,
    })
  }
  const secret = await readAll()
  if (secret !== '') return secret
  throw new CatchdError('request_invalid', {
    detail: '--client-secret-stdin is given, but stdin is empty.',
    next: 'catchd profile add --help',
  })
}
