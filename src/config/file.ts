/**
 * The configuration file: its schema, and its mistakes with line and column.
 *
 * Pure. Messages give the place, the rule and a suggestion for a misspelt name. They never quote a value, because it
 * may be a client secret. Rules that need several profiles or their presets are in resolve.ts and rules.ts.
 */
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { plainRule } from '../text/plain-rule.js'
import { DaemonSection } from './daemon-section.js'
import { grantNamed } from './grants.js'
import { type Jsonc, type JsonPath, parseJsonc } from './jsonc.js'
import { Lock } from './lock.js'
import { Hooks, Notify } from './notices.js'
import { placeholdersIn } from './placeholders.js'
import { PROFILE_NAME_RULE, ProfileEntry, ProfileName } from './profile.js'
import type { Locate } from './rules.js'
import { setSecretCommand } from './secret-source.js'
import { didYouMean, suggestion } from './suggestion.js'

export const Configuration = z.strictObject({
  $schema: z.string().optional().describe('The JSON Schema of this file, for editors'),
  profiles: z
    .record(ProfileName, ProfileEntry)
    .optional()
    .describe('Profiles by name; each is one client registration at an authorization server'),
  daemon: DaemonSection.optional().describe('What the daemon listens on, and how it works'),
  hooks: Hooks.optional().describe('Commands that the daemon runs when something happens'),
  notify: Notify.optional().describe('How the user is notified that a login is needed'),
  lock: Lock.optional().describe('When catchd locks itself'),
})

export interface ParsedConfiguration {
  readonly profiles: Map<string, ProfileEntry>
  readonly hooks: Hooks | undefined
  readonly notify: Notify | undefined
  readonly lock: Lock
  readonly daemon: DaemonSection
  /** For the log and for `status`. Each names its place. */
  readonly warnings: string[]
  readonly locate: Locate
}

/**
 * An empty file is an empty configuration.
 *
 * @param path - For messages only.
 * @throws CatchdError `config_invalid` with the first mistake and the number of other mistakes.
 */
export function parseConfiguration(text: string, path: string): ParsedConfiguration {
  const jsonc = parseJsonc(text, path)
  const parsed = Configuration.safeParse(jsonc.value === undefined ? {} : jsonc.value, WITH_INPUT)
  if (!parsed.success) throw new CatchdError('config_invalid', explain(parsed.error.issues, jsonc))
  const profiles = new Map(Object.entries(parsed.data.profiles ?? {}))
  const locate: Locate = (profile, key) =>
    key === undefined ? jsonc.locate(['profiles'], profile) : jsonc.locate(['profiles', profile], key)
  const warnings: string[] = []
  for (const [name, entry] of profiles) {
    for (const key of ['client_secret', 'token_parameters', 'refresh_parameters'] as const) {
      const secret = plainSecret(entry, key)
      if (secret === undefined) continue
      warnings.push(
        `${locate(name, key)}: ${secret} of profile "${name}" is in the file. ` +
          `Move it to the vault: ${setSecretCommand(name)}`,
      )
    }
  }
  const { hooks, notify, lock = {}, daemon = {} } = parsed.data
  return { profiles, hooks, notify, lock, daemon, warnings, locate }
}

/** Names of parameters whose value is usually a secret (`appsecret`, `client_assertion`). */
const SECRET_NAME = /(?:secret|passw(?:or)?d|pwd|token|assertion|api[_-]?key)$/i

/** What the key contains of a secret itself, in words. */
function plainSecret(
  entry: ProfileEntry,
  key: 'client_secret' | 'token_parameters' | 'refresh_parameters',
): string | undefined {
  const value = entry[key]
  if (typeof value !== 'object') return value === undefined ? undefined : `the ${key}`
  const parameters = key === 'client_secret' ? {} : (entry[key] ?? {})
  const named = Object.keys(parameters).find(
    (name) =>
      SECRET_NAME.test(name) &&
      parameters[name] !== '' &&
      placeholdersIn(parameters[name] ?? '').length === 0,
  )
  if (named === undefined) return undefined
  return `the value of ${JSON.stringify(named)} in ${key} (write {client_secret} instead)`
}

/**
 * The same check for an entry that does not come from the file.
 *
 * @throws CatchdError `config_invalid`
 */
export function checkEntry(name: string, entry: unknown): ProfileEntry {
  if (!ProfileName.safeParse(name).success)
    throw new CatchdError('config_invalid', `A profile name ${PROFILE_NAME_RULE}.`)
  const parsed = ProfileEntry.safeParse(entry, WITH_INPUT)
  if (parsed.success) return parsed.data
  const [problem] = parsed.error.issues.flatMap((issue) => problemsOf(issue, ['profiles', name]))
  throw new CatchdError('config_invalid', { detail: capitalised(`${problem?.rule}`), profile: name })
}

/**
 * Checks one key of a section, before it is written.
 *
 * @throws CatchdError `config_invalid`
 */
export function checkMember(section: string, name: string, value: unknown): void {
  const parsed = Configuration.safeParse({ [section]: { [name]: value } }, WITH_INPUT)
  const [problem] = parsed.error?.issues.flatMap((issue) => problemsOf(issue, [])) ?? []
  if (problem === undefined) return
  throw new CatchdError('config_invalid', {
    detail: `${problem.rule} Nothing was changed.`,
    next: 'catchd config list',
  })
}

/** To find the choice that a misspelt value is similar to. Issues themselves are never printed. */
const WITH_INPUT = { reportInput: true }

interface Problem {
  readonly path: JsonPath
  /** The property of the object at `path`, when its name is wrong. */
  readonly name?: string
  readonly rule: string
}

function explain(issues: readonly z.core.$ZodIssue[], jsonc: Jsonc): string {
  const problems = issues.flatMap((issue) => problemsOf(issue, []))
  problems.sort((left, right) => jsonc.offset(left.path, left.name) - jsonc.offset(right.path, right.name))
  const [first] = problems
  if (first === undefined) return `${jsonc.locate([])}: this is not a configuration.`
  const others = problems.length - 1
  const more = others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'problem' : 'problems'})`
  return `${jsonc.locate(first.path, first.name)}: ${first.rule}${more}`
}

function problemsOf(issue: z.core.$ZodIssue, above: JsonPath): Problem[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => ({ path, name, rule: unknownNameRule(path, name) }))
    case 'invalid_key':
      return [{ path: path.slice(0, -1), name: String(path.at(-1)), rule: keyRule(path, issue) }]
    case 'invalid_value':
      return [{ path, rule: `${subject(path)} ${valueRule(issue)}` }]
    default:
      return [{ path, rule: `${subject(path)} ${plainRule(issue) ?? 'is not valid'}.` }]
  }
}

/** Names inside a client_secret are not repeated: a secret in the wrong place would be one of them. */
function unknownNameRule(path: JsonPath, name: string): string {
  const known = knownNames(path)
  const shown = name.length > 80 || path.includes('client_secret') ? 'this' : JSON.stringify(name)
  return `${shown} is not a known name${where(path)}.${suggestion(name, known)}`
}

/** The names that the schema has at this place. */
function knownNames(path: JsonPath): string[] {
  let schema: unknown = Configuration
  for (const name of path) {
    const outer = required(schema)
    if (outer instanceof z.ZodObject) schema = outer.shape[name]
    else schema = outer instanceof z.ZodRecord ? outer.valueType : undefined
  }
  const found = required(schema)
  if (found instanceof z.ZodObject) return Object.keys(found.shape)
  return found instanceof z.ZodRecord && found.keyType instanceof z.ZodEnum
    ? found.keyType.options.map(String)
    : []
}

function required(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? required(schema.unwrap()) : schema
}

function keyRule(path: JsonPath, issue: z.core.$ZodIssueInvalidKey): string {
  if (path.length === 2 && path[0] === 'profiles') return `a profile name ${PROFILE_NAME_RULE}.`
  return `a name in ${subject(path.slice(0, -1))} ${issue.issues[0]?.message ?? 'is not allowed'}.`
}

/** The command line has short names of grants. The file has whole ones. */
function choiceMeant(given: string, choices: readonly string[]): string | undefined {
  return choices.find((choice) => choice === grantNamed(given)) ?? didYouMean(given, choices)
}

function valueRule(issue: z.core.$ZodIssueInvalidValue): string {
  const choices = issue.values.map(String)
  const given = issue.input
  // The command line has short names of grants. The file has whole ones.
  const meant = typeof given === 'string' ? choiceMeant(given, choices) : undefined
  const list = choices.map((choice) => JSON.stringify(choice)).join(', ')
  const end = meant === undefined ? '.' : `; did you mean "${meant}"?`
  return `must be ${choices.length === 1 ? list : `one of ${list}`}${end}`
}

function subject(path: JsonPath): string {
  if (path.length === 0) return 'the file'
  if (path.length === 1 || path[0] !== 'profiles') return JSON.stringify(path.join('.'))
  if (path.length === 2) return `profile ${JSON.stringify(path[1])}`
  return `${JSON.stringify(path.slice(2).join('.'))} of profile ${JSON.stringify(path[1])}`
}

function where(path: JsonPath): string {
  return path.length === 0 ? '' : ` in ${subject(path)}`
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
