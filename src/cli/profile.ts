/** `catchd profile add|list|show|remove|edit`: the configuration, through the daemon that owns the file. */
import type { Command } from '@commander-js/extra-typings'
import type { ProfileAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { needsNoPerson, usesRedirectUri } from '../config/grants.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { MOST_USED } from './help.js'
import { readAll } from './line-input.js'
import { type Cell, printJson, printNote, printResult, relative, styled, table } from './output.js'

export async function define(command: Command, context: Context): Promise<void> {
  await defineAdd(command.command('add').summary('add a profile'), context)
  command
    .command('list')
    .summary('list the profiles')
    .option('--json', 'print them as JSON')
    .action(async ({ json }) => {
      const profiles = await context.client.profiles()
      if (json) printJson({ profiles })
      else printResult(profileTable(profiles, Date.now()))
    })
  command
    .command('show')
    .summary('print a profile and its status as JSON')
    .argument('<name>', 'profile')
    .option('--json', 'accepted for scripts; the output is always JSON')
    .action(async (name) => {
      printJson(await context.client.profile(name), { indented: true })
    })
  command
    .command('remove')
    .summary('log out and remove a profile')
    .argument('<name>', 'profile')
    .option('--json', 'print the result as JSON')
    .action(async (name, { json }) => {
      await context.client.removeProfile(name)
      if (json) printJson({ profile: name, removed: true })
      else printResult(`Removed: ${name}`)
    })
  command
    .command('edit')
    .summary('open the configuration file in $VISUAL or $EDITOR')
    .argument('[name]', 'profile to change')
    .option('--json', 'print the result as JSON')
    .action(async (name, { json }) => {
      const { editConfiguration } = await import('./profile-edit.js')
      await editConfiguration(context, name, json)
    })
}

async function defineAdd(command: Command, context: Context): Promise<void> {
  const { entryFrom, profileKeyOptions } = await import('./profile-keys.js')
  for (const option of profileKeyOptions()) command.addOption(option)
  const add = command
    .argument('<name>', 'name of the profile')
    .optionsGroup(MOST_USED)
    .option('--client-secret-stdin', 'read the client secret from stdin and store it in the vault')
    .optionsGroup('Options:')
    .option('--replace', 'replace a profile of this name')
    .option('--json', 'print the profile as JSON')
  add.action(async (name, options) => {
    const { client } = context
    const asked = entryFrom(options)
    const onlySecret = options.clientSecretStdin && Object.keys(asked).length === 0 && !options.replace
    const secret = options.clientSecretStdin ? { client_secret: await readSecret(name) } : {}
    const existing = await find(client, name)
    const exists = existing !== undefined
    // A secret alone changes nothing else of a profile.
    const kept = onlySecret && typeof existing === 'object' ? existing.configuration : undefined
    const entry = { ...kept, ...asked, ...secret }
    if (exists && kept === undefined && !options.replace) {
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
    if (kept !== undefined) return printResult(styled('green', `Stored the client secret: ${name}`))
    printResult(styled('green', `${exists ? 'Replaced' : 'Added'}: ${name}`))
    await printAdvice(context, answer)
  })
}

/** A profile that only other profiles extend exists, although it cannot be shown: `'incomplete'`. */
async function find(client: CatchdClient, name: string): Promise<ProfileAnswer | 'incomplete' | undefined> {
  try {
    return await client.profile(name)
  } catch (error) {
    if (!(error instanceof CatchdError)) throw error
    if (error.code === 'profile_unknown') return undefined
    if (error.code === 'profile_invalid') return 'incomplete'
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
  if (grant === undefined || usesRedirectUri({ grant })) {
    const { registrationAdvice } = await import('./presets.js')
    const { redirectPort } = await context.settings()
    printNote(registrationAdvice(profile, configuration, redirectPort))
  }
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

const STATUS_WORDS: Readonly<Record<string, Cell>> = {
  logged_in: { text: 'logged in', style: 'green' },
  login_required: { text: 'login required', style: 'yellow' },
  login_pending: { text: 'login pending', style: 'cyan' },
  expired: { text: 'expired', style: 'red' },
  locked: { text: 'locked', style: 'yellow' },
}

export function profileTable(profiles: readonly ProfileAnswer[], nowMs: number): string[] {
  // A narrow terminal has no column for servers, so that names and states stay readable.
  const { isTTY, columns } = process.stdout
  const showsServers = !isTTY || (columns || 80) >= COLUMNS_WITH_SERVERS
  return table(
    ['NAME', ...(showsServers ? ['SERVER'] : []), 'STATUS', 'TOKEN EXPIRES', 'LOGIN NEEDED'],
    profiles.map((answer) => [
      answer.profile,
      ...(showsServers ? [serverOf(answer)] : []),
      statusOf(answer, nowMs),
      expiry(answer, nowMs),
      loginNeeded(answer, nowMs),
    ]),
  )
}

/** A daemon of an older version does not send `error` and `refresh_failing`. */
function statusOf(
  { profile, status, error, refresh_failing: failing }: Partial<ProfileAnswer>,
  nowMs: number,
): Cell {
  if (error != null) return { text: `${error.code}: catchd login ${profile}`, style: 'red' }
  if (failing != null && status === 'logged_in') {
    const { code, error: word } = failing.error
    const said = word === null ? code : `${code}, ${word}`
    return { text: `refresh failed, first ${relative(failing.since, nowMs)} (${said})`, style: 'yellow' }
  }
  return STATUS_WORDS[status ?? ''] ?? status ?? ''
}

const COLUMNS_WITH_SERVERS = 70

/** The server's host, or the preset, or the profile that this one extends. */
function serverOf({ configuration }: ProfileAnswer): string {
  const { issuer, base_url, authorization_endpoint, token_endpoint, resource_server } = configuration
  const url = issuer ?? base_url ?? authorization_endpoint ?? token_endpoint ?? resource_server
  if (url !== undefined && URL.canParse(url)) return new URL(url).host
  if (configuration.preset !== undefined) return configuration.preset
  return configuration.extends === undefined ? '-' : `as ${configuration.extends}`
}

function expiry({ status, expires_at }: ProfileAnswer, nowMs: number): string {
  if (expires_at !== null) return relative(expires_at, nowMs)
  return status === 'logged_in' ? 'unknown' : '-'
}

/** A daemon of an older version does not send this member. */
function loginNeeded({ login_needed_at: at }: Partial<ProfileAnswer>, nowMs: number): string {
  if (at == null) return '-'
  return Date.parse(at) <= nowMs ? 'now' : relative(at, nowMs)
}
