/**
 * `catchd profile set-secret`: puts a client secret into the vault and makes it the secret of the profile, whatever its
 * source was before. Owns how a client secret is read: hidden at a terminal, otherwise from stdin.
 */
import type { Command } from '@commander-js/extra-typings'
import type { ProfileAnswer, ProfileEntry } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { needsNoPerson } from '../config/grants.js'
import { findPreset } from '../config/presets.js'
import { setSecretCommand, sourceInWords } from '../config/secret-source.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { readHidden } from './hidden-input.js'
import { readAll } from './line-input.js'
import { printJson, printNote, printResult, styled } from './output.js'

/** A client secret that is a signed token has about 1 KiB. The API takes bodies of 16 KiB. */
const LARGEST_KIB = 8

export function defineSetSecret(command: Command, context: Context): void {
  command
    .summary('store a new client secret of a profile in the vault')
    .argument('<name>', 'profile')
    .option('--stdin', 'read the secret from stdin; by default catchd asks for it')
    .option('--json', 'print the profile as JSON')
    .action(async (name, { stdin, json }) => {
      if (!stdin && !process.stdin.isTTY) throw noTerminal(name)
      const { client } = context
      const { configuration } = await client.profile(name)
      const method = await methodOf(client, configuration)
      refuseOtherMethod(name, method)
      const secret = await readClientSecret(name, context.signal)
      const answer = await client.putProfile(name, { ...configuration, client_secret: secret })
      if (json) return printJson(answer)
      printResult(styled('green', `Stored the client secret: ${name}`))
      printNote(noteOnBefore(configuration))
      if (method === 'none' && !sendsSecret(configuration)) printNote(UNUSED)
      printNote(`  → ${nextStep(answer)}`)
    })
}

/**
 * Reads one client secret: from the terminal without showing it, otherwise from stdin. Line ends after it are not part of
 * it.
 *
 * @param next - The command of a failure.
 * @throws CatchdError `request_invalid` for an empty text and for one that cannot be a secret; the reason of `signal`
 */
export async function readClientSecret(name: string, signal: AbortSignal, next = HELP): Promise<string> {
  const refused = (cause: string) =>
    new CatchdError('request_invalid', { detail: `${cause} Nothing was changed.`, profile: name, next })
  const text = process.stdin.isTTY
    ? await readHidden(`Client secret of ${name} (not shown): `, { signal, next })
    : await readAll({ largestKiB: LARGEST_KIB, next })
  // Some editors and shells begin a file with a byte order mark.
  const secret = text.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '')
  if (secret.trim() === '') throw refused('The client secret is empty.')
  if (/[\r\n]/.test(secret)) throw refused('The client secret has more than one line.')
  if (/[\p{Cc}\uFFFD]/u.test(secret)) {
    throw refused('The client secret contains control characters, or the file is not UTF-8.')
  }
  if (secret !== secret.trim()) {
    printNote(styled('yellow', 'The client secret begins or ends with a space, which was kept.'))
  }
  return secret
}

const HELP = 'catchd profile set-secret --help'

function noTerminal(name: string): CatchdError {
  return new CatchdError('request_invalid', {
    detail: 'There is no terminal to ask for the secret. With --stdin it is read from stdin.',
    profile: name,
    next: HELP,
  })
}

/** The method that the entries say. A profile that only others extend cannot be shown, so it says nothing. */
async function methodOf(client: CatchdClient, configuration: ProfileEntry): Promise<string | undefined> {
  const { token_endpoint_auth_method: method, extends: extended, preset } = configuration
  if (method !== undefined) return method
  if (extended === undefined) {
    return preset === undefined ? undefined : findPreset(preset)?.profile.token_endpoint_auth_method
  }
  const above = await client.profile(extended).catch(() => undefined)
  return above === undefined ? undefined : methodOf(client, above.configuration)
}

function refuseOtherMethod(name: string, method: string | undefined): void {
  if (method !== 'private_key_jwt' && method !== 'tls_client_auth') return
  throw new CatchdError('request_invalid', {
    detail: `Profile "${name}" authenticates with ${method}, which uses a key and no client secret. Nothing was changed.`,
    profile: name,
    next: `catchd profile show ${name}`,
  })
}

const UNUSED =
  'token_endpoint_auth_method is none in this profile, so catchd does not send the secret. Remove that setting to use it.'

/** In a parameter of the token request, as some servers expect it. */
function sendsSecret({ preset, token_parameters, refresh_parameters }: ProfileEntry): boolean {
  const parameters = [token_parameters, refresh_parameters, preset && findPreset(preset)?.profile]
  return JSON.stringify(parameters).includes('{client_secret}')
}

function noteOnBefore({ client_secret: before }: ProfileEntry): string[] {
  if (before === undefined || (typeof before === 'object' && 'keychain' in before)) return []
  return [
    typeof before === 'string'
      ? 'The secret in the configuration file was removed.'
      : `The profile no longer takes its secret from ${sourceInWords(before)}.`,
  ]
}

/** A refresh shows whether the server accepts the secret. Other profiles need a person first. */
function nextStep({
  profile,
  configuration: { grant },
  status,
  refresh_failing: failing,
}: ProfileAnswer): string {
  if (failing) return `catchd refresh ${profile}`
  const hasTokens = status === 'logged_in' || (grant !== undefined && needsNoPerson(grant))
  return `catchd ${hasTokens ? 'token' : 'login'} ${profile}`
}

/** What a new profile still needs, as lines for the user. Where only the server knows it, nothing. */
export function secretAdvice(
  profile: string,
  entry: ProfileEntry,
): { readonly isNeeded: boolean; readonly lines: string[] } {
  const { client_secret, extends: extended, preset: name, grant, token_endpoint_auth_method: method } = entry
  const none = { isNeeded: false, lines: [] }
  if (client_secret !== undefined || extended !== undefined) return none
  const preset = name === undefined ? undefined : findPreset(name)
  const isSecretMethod = method === undefined || method.startsWith('client_secret_')
  if (!isSecretMethod) return none
  const run = setSecretCommand(profile)
  const isNeeded = method !== undefined || preset?.client === 'confidential' || grant === 'client_credentials'
  if (isNeeded) return { isNeeded, lines: [`${profile} needs a client secret. Run: ${run}`] }
  return preset?.client === 'either' ? { isNeeded, lines: [`If the client has a secret, run: ${run}`] } : none
}
