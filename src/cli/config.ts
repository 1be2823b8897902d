/**
 * `catchd config get|set|list`: the settings in `config.jsonc`, and which value is in effect.
 *
 * No daemon is needed: the file is read and written here, and a running daemon follows it. Profiles have commands of their
 * own, so no command here can print a secret.
 */
import type { Command } from '@commander-js/extra-typings'
import { camelCase, variableOf } from '../config/environment.js'
import {
  daemonSettings,
  readSettings,
  SETTING_KEYS,
  type Setting,
  settingsInEffect,
} from '../config/settings.js'
import { ConfigurationStore } from '../config/store.js'
import { didYouMean } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { shellWord } from '../text/shell-word.js'
import { unsetCommand } from '../text/without-variables.js'
import { LASTING_VAULTS } from '../vault/vault-kinds.js'
import type { Context } from './context.js'
import { printJson, printNote, printResult, table } from './output.js'
import { settingsNote } from './settings-note.js'

const KEY = 'path in the file, such as daemon.api_port'

export function define(command: Command, context: Context): void {
  command
    .command('get')
    .summary('print the current value of a setting')
    .argument('<key>', KEY)
    .option('--json', 'print key, value and source as JSON')
    .action(async (key, { json }) => {
      requireKey(key)
      const setting = await readSetting(context, key)
      if (json) return printJson(setting)
      if (setting.value === null) printNote(`${key} is not set.`)
      else printResult(textOf(setting.value))
    })
  command
    .command('set')
    .summary('change a setting in the file; its comments stay')
    .argument('<key>', KEY)
    .argument('<value>', 'JSON or text; null removes the setting from the file')
    .option('--json', 'print key, value and source as JSON')
    .action(async (key, value, { json }) => {
      await set(context, key, valueIn(value))
      const setting = await readSetting(context, key)
      if (json) printJson(setting)
      else printResult(`${key}: ${setting.value === null ? 'not set' : textOf(setting.value)}`)
      await printConsequences(context, setting)
    })
  command
    .command('list')
    .summary('print all settings, and where each value comes from')
    .option('--json', 'print them as JSON')
    .action(async ({ json }) => {
      const settings = await read(context)
      if (json) return printJson(settings)
      const rows = settings.map(({ key, value, source }) => [
        key,
        value === null ? { text: 'not set', style: 'dim' as const } : textOf(value),
        source === 'environment' ? variableOf(nameOf(key)) : source,
      ])
      printResult(table(['SETTING', 'VALUE', 'FROM'], rows))
      const note = await settingsNote(context)
      if (note !== undefined) printNote(note)
    })
}

async function read(context: Context): Promise<Setting[]> {
  const { document, failure } = await readSettings(context.folders.configFile)
  if (failure !== undefined) {
    printNote([
      `The file has a mistake. catchd uses only the settings that it can read. ${failure.message}`,
      `  → ${failure.next}`,
    ])
  }
  return settingsInEffect(context.environment, document)
}

async function readSetting(context: Context, key: string): Promise<Setting> {
  const setting = (await read(context)).find((candidate) => candidate.key === key)
  if (setting === undefined) throw unknownKey(key)
  return setting
}

/** @throws CatchdError `request_invalid`, `config_invalid` */
async function set(context: Context, key: string, value: unknown): Promise<void> {
  const { section, name } = requireKey(key)
  const { environment, folders } = context
  const before = (await readSettings(folders.configFile)).section
  // Whether profiles can share a redirect URI depends on the port that they have afterwards.
  const after = section === 'daemon' ? { ...before, [name]: value ?? undefined } : before
  const store = await ConfigurationStore.open({
    file: folders.configFile,
    redirectPort: daemonSettings(environment, after).redirectPort,
  })
  try {
    await store.set([section, name], value)
  } finally {
    store.close()
  }
}

/** @throws CatchdError `request_invalid` */
function requireKey(key: string) {
  const found = SETTING_KEYS.get(key)
  if (found !== undefined) return found
  const [section, profile = ''] = key.split('.')
  if (section !== 'profiles') throw unknownKey(key)
  throw new CatchdError('request_invalid', {
    detail: 'Profiles have commands of their own: catchd profile show, edit and add.',
    next: profile === '' ? 'catchd profile list' : `catchd profile show ${shellWord(profile)}`,
  })
}

function unknownKey(key: string): CatchdError {
  const keys = [...SETTING_KEYS.keys()]
  const name = key.replace(/^(?:daemon\.|CATCHD_)/, '')
  const meant =
    keys.find((known) => camelCase(nameOf(known)) === camelCase(name.replaceAll('-', '_'))) ??
    didYouMean(key, keys) ??
    keys.find((known) => nameOf(known) === didYouMean(name, keys.map(nameOf)))
  return new CatchdError('request_invalid', {
    detail: `There is no setting ${JSON.stringify(key)}.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
    next: 'catchd config list',
  })
}

function nameOf(key: string): string {
  return SETTING_KEYS.get(key)?.name ?? key
}

function valueIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** What the change does not do by itself. */
async function printConsequences(context: Context, { key, value, source }: Setting): Promise<void> {
  if (source === 'environment') {
    const variable = variableOf(nameOf(key))
    return printNote([
      `${variable} is set in this shell. It wins over the file.`,
      `  → ${unsetCommand([variable])}`,
    ])
  }
  const client = context.localClient()
  const status = await client.status().catch(() => undefined)
  client.close()
  const note = status === undefined ? undefined : await settingsNote(context, { status, key })
  if (note !== undefined) printNote(note)
  if (key === 'daemon.vault') printNote(await aboutTokens(context, value, status?.vault.kind))
}

/** Another vault is empty. Without this note, every profile would seem to be logged out. */
async function aboutTokens(
  { folders }: Context,
  vault: unknown,
  inUse: string | undefined,
): Promise<string[]> {
  const { glimpseRememberedVault } = await import('../vault/vault-choice.js')
  const from = inUse ?? (await glimpseRememberedVault(folders.stateFolder))
  if (from === undefined || vault === 'auto' || vault === from) return []
  const stay = `Tokens are not moved. They stay in the vault "${from}".`
  const canMigrate = inUse !== undefined && LASTING_VAULTS.some((kind) => kind === vault)
  const next = canMigrate ? `catchd vault migrate --to ${vault}` : `catchd config set daemon.vault ${from}`
  return [`${stay} ${canMigrate ? 'To move them, before the restart:' : 'To use them again:'}`, `  → ${next}`]
}
