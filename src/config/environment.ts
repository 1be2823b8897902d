/**
 * The CATCHD_* environment variables: one schema gives the types, the messages and `.env.example`.
 *
 * Only names that begin with CATCHD_ are ours; a misspelt one stops the program instead of being ignored.
 * No message ever repeats a value. Folders made from these are folders.ts.
 */
import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { choicesInWords, VAULT_CHOICES, type VaultChoice } from '../vault/vault-kinds.js'
import { isLoopbackHost } from './loopback.js'
import { didYouMean } from './suggestion.js'

const PREFIX = 'CATCHD_'

/** What a hook's command is told with; it may well run catchd, which has no use for them. */
export const HOOK_VARIABLES = ['CATCHD_PROFILE', 'CATCHD_REASON', 'CATCHD_NEEDED_AT'] as const
const OF_HOOKS = new Set<string>(HOOK_VARIABLES)

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

function wholeNumber(least: number, most: number) {
  const rule = `must be a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^\d{1,6}$/, rule)
    .transform(Number)
    .pipe(z.int().min(least, rule).max(most, rule))
}

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path')

/** The variables by their names, as strings come in and values go out. */
export const EnvironmentVariables = z.strictObject({
  CATCHD_HOME: absolutePath
    .optional()
    .describe(
      "Absolute path of one folder for everything: configuration, state and socket. Unset: the platform's own folders.",
    ),
  CATCHD_API_PORT: wholeNumber(0, 65_535)
    .default(7636)
    .describe('Port of the API on 127.0.0.1. 0: no TCP API, the socket only.'),
  CATCHD_REDIRECT_PORT: wholeNumber(0, 65_535)
    .default(8252)
    .describe('Port of the redirect URI of profiles that name none. 0: a fresh port per login.'),
  CATCHD_VAULT: z.enum(VAULT_CHOICES).default('auto').describe(`Where tokens rest: ${choicesInWords()}.`),
  CATCHD_VAULT_PASSPHRASE_FILE: absolutePath
    .optional()
    .describe(
      'Absolute path of a file with the passphrase of the sealed file vault. Unset: a key file in the state folder.',
    ),
  CATCHD_BROWSER: z
    .string()
    .optional()
    .describe("Command that opens the authorization URL, or none. Unset: the system's browser."),
  CATCHD_LOG_LEVEL: z
    .enum(LOG_LEVELS)
    .default('info')
    .describe('trace, debug, info, warn, error, fatal or silent. No level logs a secret.'),
  CATCHD_LOGIN_TIMEOUT_SECONDS: wholeNumber(5, 3600)
    .default(600)
    .describe('How long a login waits for its authorization response: 5 to 3600 seconds.'),
  CATCHD_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .optional()
    .describe('API key that the command line and the library send when they talk to a daemon over TCP.'),
  CATCHD_URL: z
    .string()
    .refine(isDaemonUrl, 'must be an https URL, or an http URL of a loopback address, without a path')
    .optional()
    .describe('Address of a daemon over TCP, such as http://127.0.0.1:7636. Unset: the socket.'),
})

export interface Environment {
  readonly home: string | undefined
  /** 0: no TCP API. */
  readonly apiPort: number
  /** 0: a fresh port per login. */
  readonly redirectPort: number
  readonly vault: VaultChoice
  readonly vaultPassphraseFile: string | undefined
  readonly browser: string | undefined
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly loginTimeoutSeconds: number
  readonly apiKey: Secret | undefined
  /** Without a trailing slash. */
  readonly url: string | undefined
}

/**
 * @param env - All of the environment; what does not begin with CATCHD_ is left alone. An empty value counts
 *   as unset.
 * @throws CatchdError `config_invalid` naming each wrong variable and its rule, never its value.
 */
export function parseEnvironment(env: NodeJS.ProcessEnv): Environment {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || OF_HOOKS.has(name)) continue
    if (value !== undefined && value !== '') given[name] = value
  }
  const parsed = EnvironmentVariables.safeParse(given)
  if (!parsed.success) {
    throw new CatchdError('config_invalid', {
      detail: parsed.error.issues.flatMap((issue) => explain(issue, given)).join(' '),
      next: 'catchd help',
    })
  }
  const variables = parsed.data
  return {
    home: variables.CATCHD_HOME,
    apiPort: variables.CATCHD_API_PORT,
    redirectPort: variables.CATCHD_REDIRECT_PORT,
    vault: variables.CATCHD_VAULT,
    vaultPassphraseFile: variables.CATCHD_VAULT_PASSPHRASE_FILE,
    browser: variables.CATCHD_BROWSER,
    logLevel: variables.CATCHD_LOG_LEVEL,
    loginTimeoutSeconds: variables.CATCHD_LOGIN_TIMEOUT_SECONDS,
    apiKey: variables.CATCHD_API_KEY === undefined ? undefined : new Secret(variables.CATCHD_API_KEY),
    url: variables.CATCHD_URL?.replace(/\/$/, ''),
  }
}

function explain(issue: z.core.$ZodIssue, given: Readonly<Record<string, string>>): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const meant = didYouMean(name.slice(PREFIX.length), namesWithoutPrefix())
      return `${name} is not a variable of catchd.${meant === undefined ? '' : ` Did you mean ${PREFIX}${meant}?`}`
    })
  }
  const name = String(issue.path[0])
  if (issue.code === 'invalid_value') {
    const choices = issue.values.map(String)
    const meant = didYouMean(given[name] ?? '', choices)
    return [
      `${name} must be one of ${choices.join(', ')}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
    ]
  }
  return [`${name} ${issue.message}.`]
}

/** Suggestions compare what stands behind the prefix, which every name shares. */
function namesWithoutPrefix(): string[] {
  return Object.keys(EnvironmentVariables.shape).map((name) => name.slice(PREFIX.length))
}

/** A key sent in the clear over a network would be anybody's. */
function isDaemonUrl(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(value)
  if (`${search}${hash}${username}${password}` !== '' || pathname !== '/') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
}
