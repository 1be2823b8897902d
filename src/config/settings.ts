/**
 * Settings: all keys of the configuration but profiles, with the value in effect. The environment wins over the file, and
 * the file over the default.
 *
 * Pure, but for {@link readSettings}. A key is its path in the file (`daemon.api_port`). Keys come from the schema, so a
 * new key of a section is a setting at once. No setting is a secret.
 */
import * as z from 'zod'
import { asCatchdError, type CatchdError } from '../failures.js'
import { DaemonSection, type SETTING_DEFAULTS, type SettingName } from './daemon-section.js'
import { type CamelCase, camelCase, type Environment, variableOf } from './environment.js'
import { Configuration, parseConfiguration } from './file.js'
import { looseValue } from './jsonc.js'
import { readSnapshot } from './snapshot.js'

export interface Setting {
  readonly key: string
  /** JSON; `null`: it is not set, and has no default. */
  readonly value: unknown
  readonly source: 'environment' | 'file' | 'default'
}

/** A setting of the daemon, as `GET /v1/status` has it. */
export interface DaemonSetting extends Setting {
  readonly value: string | number | null
}

/** The section `daemon` as it is in effect. */
export type Settings = {
  readonly [Name in SettingName as CamelCase<Name>]: Name extends keyof typeof SETTING_DEFAULTS
    ? NonNullable<DaemonSection[Name]>
    : DaemonSection[Name]
}

interface SettingKey {
  readonly section: string
  readonly name: string
  readonly schema: z.ZodType
}

/** In the order of the schema. */
export const SETTING_KEYS: ReadonlyMap<string, SettingKey> = new Map(
  Object.entries(Configuration.shape).flatMap(([section, optional]) => {
    const schema: unknown = optional.unwrap()
    if (!(schema instanceof z.ZodObject)) return []
    return Object.entries(schema.shape).map(
      ([name, member]) => [`${section}.${name}`, { section, name, schema: member as z.ZodType }] as const,
    )
  }),
)

/**
 * @param document - The value of the configuration file. What is not valid in it counts as not set.
 * @returns Every setting.
 */
export function settingsInEffect(environment: Environment, document: unknown): Setting[] {
  const given = new Map<string, unknown>(Object.entries(environment))
  return [...SETTING_KEYS].map(([key, { section, name, schema }]) => {
    const ofVariable = section === 'daemon' ? given.get(camelCase(name)) : undefined
    if (ofVariable !== undefined) return { key, value: ofVariable, source: 'environment' }
    const written = schema.safeParse(memberOf(memberOf(document, section), name))
    if (written.success && written.data !== undefined) return { key, value: written.data, source: 'file' }
    const meta = schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType).meta() : undefined
    return { key, value: meta?.['default'] ?? null, source: 'default' }
  })
}

/** What a daemon with this environment and this section uses, for a comparison. */
export function daemonSettingsInEffect(environment: Environment, daemon: DaemonSection): DaemonSetting[] {
  const isOfDaemon = (setting: Setting): setting is DaemonSetting => setting.key.startsWith('daemon.')
  const { vaultPassphraseFile } = environment
  return [
    ...settingsInEffect(environment, { daemon }).filter(isOfDaemon),
    ...(vaultPassphraseFile === undefined
      ? []
      : [{ key: PASSPHRASE_FILE, value: vaultPassphraseFile, source: 'environment' } as const]),
  ]
}

/** Not a key of the configuration, but with another file the sealed file vault cannot be opened. */
export const PASSPHRASE_FILE = 'CATCHD_VAULT_PASSPHRASE_FILE'

/** @returns Where the setting is changed: its variable if that is set, otherwise its key in the file. */
export function placeOfSetting(environment: Environment, name: SettingName): string {
  return environment[camelCase(name) as CamelCase<SettingName>] === undefined
    ? `daemon.${name}`
    : variableOf(name)
}

/** The settings of the daemon, by name. */
export function daemonSettings(environment: Environment, daemon: DaemonSection): Settings {
  const pairs = settingsInEffect(environment, { daemon }).flatMap(({ key, value }) => {
    const { section, name } = SETTING_KEYS.get(key) ?? {}
    return section === 'daemon' && name !== undefined ? [[camelCase(name), value ?? undefined]] : []
  })
  return Object.fromEntries(pairs) as Settings
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

interface ReadSettings {
  /** The value of the file, as far as it can be read. */
  readonly document: unknown
  /** What is valid in its section `daemon`. */
  readonly section: DaemonSection
  /** Why not all of it is used. */
  readonly failure: CatchdError | undefined
}

/** Reads what can be read of a file with mistakes: one of them must not lead to another port or another vault. */
export async function readSettings(file: string): Promise<ReadSettings> {
  let text = ''
  let failure: CatchdError | undefined
  try {
    text = await readSnapshot(file)
    parseConfiguration(text, file)
  } catch (error) {
    failure = asCatchdError(error)
  }
  const document = looseValue(text)
  return { document, section: validSection(document), failure }
}

function validSection(document: unknown): DaemonSection {
  const written = Object.entries(DaemonSection.shape).flatMap(([name, schema]) => {
    const parsed = schema.safeParse(memberOf(memberOf(document, 'daemon'), name))
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data]] : []
  })
  return Object.fromEntries(written) as DaemonSection
}
