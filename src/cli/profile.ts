/** `catchd profile add|list|show|set-secret|remove|edit`: the configuration, through the daemon that owns the file. */
import type { Command } from '@commander-js/extra-typings'
import type { ProfileAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { needsNoPerson, usesRedirectUri } from '../config/grants.js'
import { setSecretCommand } from '../config/secret-source.js'
import { unusedInWords, unusedKeys } from '../config/unused-keys.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { MOST_USED } from './help.js'
import { type Cell, printJson, printNote, printResult, relative, styled, table } from './output.js'
import { defineSetSecret, readClientSecret, secretAdvice } from './profile-secret.js'
import { requireValidConfiguration } from './valid-configuration.js'

const HELP = 'catchd profile add --help'

export async function define(command: Command, context: Context): Promise<void> {
  await defineAdd(command.command('add').summary('add a profile'), context)
  command
    .command('list')
    .summary('list the profiles')
    .option('--json', 'print them as JSON')
    .action(async ({ json }) => {
      const { client } = context
      const profiles = await client.profiles()
      if (json) printJson({ profiles })
      else if (profiles.length > 0) printResult(profileTable(profiles, Date.now()))
      await requireValidConfiguration(client)
      if (profiles.length === 0 && !json) printNote(['No profiles yet.', '  → catchd init'])
    })
  command
    .command('show')
    .summary('print a profile and its status as JSON')
    .argument('<name>', 'profile')
    .option('--json', 'accepted for scripts; the output is always JSON')
    .action(async (name) => {
      printJson(await context.client.profile(name), { indented: true })
    })
  defineSetSecret(command.command('set-secret'), context)
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
  const { entryFrom, inOptions, profileKeyOptions } = await import('./profile-keys.js')
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
    const isKnown = await exists(client, name)
    if (isKnown && !options.replace) throw alreadyThere(name, options.clientSecretStdin)
    const secret = options.clientSecretStdin
      ? { client_secret: await readClientSecret(name, context.signal, HELP) }
      : {}
    const entry = { ...asked, ...secret }
    const answer = await client.putProfile(name, entry).catch((error: unknown) => {
      throw inOptions(error)
    })
    if (options.json) return printJson(answer)
    printResult(styled('green', `${isKnown ? 'Replaced' : 'Added'}: ${name}`))
    await printAdvice(context, answer)
  })
}

/** A profile that only other profiles extend exists, although it cannot be shown. */
async function exists(client: CatchdClient, name: string): Promise<boolean> {
  try {
    await client.profile(name)
    return true
  } catch (error) {
    if (error instanceof CatchdError && error.code === 'profile_unknown') return false
    if (error instanceof CatchdError && error.code === 'profile_invalid') return true
    throw error
  }
}

function alreadyThere(name: string, bringsSecret: true | undefined): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `A profile "${name}" already exists. Use --replace to replace it.`,
    profile: name,
    next: bringsSecret ? setSecretCommand(name) : `catchd profile show ${name}`,
  })
}

async function printAdvice(context: Context, { profile, configuration }: ProfileAnswer): Promise<void> {
  const { grant } = configuration
  if (grant === undefined || usesRedirectUri({ grant })) {
    const { registrationAdvice, scopeAdvice } = await import('./presets.js')
    const { redirectPort } = await context.settings()
    printNote(registrationAdvice(profile, configuration, redirectPort))
    printNote(scopeAdvice(profile, configuration))
  }
  // The grant can be inherited. Then only the daemon knows it, and doctor warns.
  if (configuration.extends === undefined) {
    for (const key of unusedKeys(configuration)) printNote(`Warning: ${unusedInWords(key, `"${key}"`)}`)
  }
  const secret = secretAdvice(profile, configuration)
  printNote(secret.lines)
  if (secret.isNeeded) return
  printNote(`  → catchd ${grant !== undefined && needsNoPerson(grant) ? 'token' : 'login'} ${profile}`)
}

const STATUS_WORDS: Readonly<Record<string, Cell>> = {
  logged_in: { text: 'logged in', style: 'green' },
  login_required: { text: 'login required', style: 'yellow' },
  login_pending: { text: 'login pending', style: 'cyan' },
  expired: { text: 'expired', style: 'red' },
  locked: { text: 'locked', style: 'yellow' },
}

export function profileTable(profiles: readonly ProfileAnswer[], nowMs: number): string[] {
  // A narrow terminal has no column for accounts and servers, so that names and states stay readable.
  const { isTTY, columns } = process.stdout
  const isWide = !isTTY || (columns || 80) >= COLUMNS_WITH_SERVERS
  const showsAccounts = isWide && profiles.some(({ subject }) => subject !== null)
  return table(
    [
      'NAME',
      ...(showsAccounts ? ['ACCOUNT'] : []),
      ...(isWide ? ['SERVER'] : []),
      'STATUS',
      'TOKEN EXPIRES',
      'LOGIN NEEDED',
    ],
    profiles.map((answer) => [
      answer.profile,
      ...(showsAccounts ? [answer.subject ?? '-'] : []),
      ...(isWide ? [serverOf(answer)] : []),
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
