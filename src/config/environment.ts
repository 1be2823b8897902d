/**
 * The CATCHD_* environment variables: one schema gives the types, the messages and `.env.example`. Those of settings are
 * made from the section `daemon` of the configuration (daemon-section.ts).
 *
 * Other names are ignored. An unknown name that begins with CATCHD_ stops the program. No message repeats a value.
 * folders.ts makes the folders from these.
 */
import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { unsetCommand } from '../text/without-variables.js'
import { DaemonSection, type SettingName } from './daemon-section.js'
import { isTlsOrLoopback } from './loopback.js'
import { didYouMean } from './suggestion.js'

const PREFIX = 'CATCHD_'

/** Variables for the command of a hook. It may run catchd, which ignores them. */
export const HOOK_VARIABLES = ['CATCHD_PROFILE', 'CATCHD_REASON', 'CATCHD_NEEDED_AT'] as const
const OF_HOOKS = new Set<string>(HOOK_VARIABLES)

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path')

type SettingVariables = {
  [Name in SettingName as `CATCHD_${Uppercase<Name>}`]: z.ZodOptional<
    z.ZodType<NonNullable<DaemonSection[Name]>>
  >
}

/** One for each key of the section `daemon`, with the same rule, text and default. */
const SETTING_VARIABLES = Object.fromEntries(
  Object.entries(DaemonSection.shape).map(([name, optional]) => {
    const schema: z.ZodType = optional.unwrap()
    const inText = schema instanceof z.ZodNumber ? z.string().transform(numberIn).pipe(schema) : schema
    return [variableOf(name), inText.optional().meta(schema.meta() ?? {})]
  }),
) as SettingVariables

/** A number in other forms (1e3, +1, 0x1) is more likely a mistake. */
function numberIn(text: string): number {
  return /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
}

/** The environment variable of a setting. */
export function variableOf(name: string): string {
  return `${PREFIX}${name.toUpperCase()}`
}

/** From strings to values. */
export const EnvironmentVariables = z.strictObject({
  CATCHD_HOME: absolutePath
    .optional()
    .describe(
      "Absolute path of one folder for everything: configuration, state and socket. Unset: the platform's usual folders.",
    ),
  ...SETTING_VARIABLES,
  CATCHD_VAULT_PASSPHRASE_FILE: absolutePath
    .optional()
    .describe(
      'Absolute path of a file with the passphrase of the sealed file vault. Unset: a key file in the state folder.',
    ),
  CATCHD_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .transform((key) => new Secret(key))
    .optional()
    .describe('API key that the command line and the library send when they talk to a daemon over TCP.'),
  CATCHD_URL: z
    .string()
    .refine(isDaemonUrl, 'must be an https URL, or an http URL of a loopback address, without a path')
    .transform((url) => url.replace(/\/$/, ''))
    .optional()
    .describe('Address of a daemon over TCP, such as http://127.0.0.1:7636. Unset: the socket.'),
})

/** `API_PORT` is `apiPort`. */
export type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${Lowercase<First>}${Capitalize<CamelCase<Rest>>}`
  : Lowercase<Name>
type Variables = z.infer<typeof EnvironmentVariables>

/** The variables under their names without CATCHD_, in camel case. Settings without a variable are in settings.ts. */
export type Environment = {
  readonly [Name in keyof Required<Variables> as Name extends `${typeof PREFIX}${infer Rest}`
    ? CamelCase<Rest>
    : never]: Variables[Name]
}

/**
 * @param env - The whole environment. An empty value counts as unset.
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
    const { issues } = parsed.error
    throw new CatchdError('config_invalid', {
      detail: issues.flatMap((issue) => explain(issue, given)).join(' '),
      next: unsetCommand(new Set(issues.flatMap(namesIn))),
    })
  }
  const names = Object.keys(EnvironmentVariables.shape) as (keyof Variables)[]
  return Object.fromEntries(
    names.map((name) => [camelCase(name.slice(PREFIX.length)), parsed.data[name]]),
  ) as Environment
}

/** @returns `apiPort` for `API_PORT` and `api_port`. */
export function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(.)/g, (_match, letter: string) => letter.toUpperCase())
}

function namesIn(issue: z.core.$ZodIssue): string[] {
  return issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0])]
}

function explain(issue: z.core.$ZodIssue, given: Readonly<Record<string, string>>): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const meant = didYouMean(name.slice(PREFIX.length), namesWithoutPrefix())
      return `${name} is not a known variable.${meant === undefined ? '' : ` Did you mean ${PREFIX}${meant}?`}`
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

/** Suggestions compare names without the prefix, which all names have. */
function namesWithoutPrefix(): string[] {
  return Object.keys(EnvironmentVariables.shape).map((name) => name.slice(PREFIX.length))
}

/** Others could read an API key that is sent over a network without TLS. */
function isDaemonUrl(value: string): boolean {
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  const { pathname, search, hash, username, password } = url
  if (`${search}${hash}${username}${password}` !== '' || pathname !== '/') return false
  return isTlsOrLoopback(url)
}
