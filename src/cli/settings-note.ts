/**
 * The note that the running daemon has other settings than this shell asks for, with the command that changes this. Only
 * `status`, `vault status`, `doctor`, and commands that fail or restart the daemon ask for it, because it costs a request.
 */
import { readFile } from 'node:fs/promises'
import type { DaemonStatus } from '../client/api-types.js'
import { CatchdClient } from '../client/client.js'
import { type DaemonSetting, daemonSettingsInEffect, readSettings } from '../config/settings.js'
import { differencesInWords } from '../config/settings-difference.js'
import type { Context } from './context.js'

/** A daemon that answers later is not asked for this. */
const ANSWERS_WITHIN_MS = 3_000

/**
 * Never throws, and never starts the daemon.
 *
 * @param known - The daemon's status, where the command has it; and the only setting to compare.
 * @returns One line; `undefined` if there is nothing to say, or no daemon of this home to ask.
 */
export async function settingsNote(
  context: Context,
  known: { readonly status?: DaemonStatus; readonly key?: string } = {},
): Promise<string | undefined> {
  try {
    const { environment, folders } = context
    if (environment.url !== undefined) return undefined // on another machine, or with other folders
    const { settings, vault } = known.status ?? (await askStatus(folders.socketPath))
    if (settings === undefined) return undefined
    const { section } = await readSettings(folders.configFile)
    const here = daemonSettingsInEffect(environment, section)
    const isCompared = ({ key }: DaemonSetting) => known.key === undefined || key === known.key
    const differences = differencesInWords(here.filter(isCompared), settings.filter(isCompared), vault.kind)
    if (differences.length === 0) return undefined
    return `${differences.join(' ')} → ${await restartCommand(context)}`
  } catch {
    return undefined
  }
}

async function askStatus(socketPath: string): Promise<DaemonStatus> {
  const client = new CatchdClient({ socketPath, timeoutMs: ANSWERS_WITHIN_MS })
  try {
    return await client.status()
  } finally {
    client.close()
  }
}

/** systemd starts its service again with the environment that was stored when the service was installed. */
export async function restartCommand(context: Context): Promise<string> {
  const isService = await isActivatedBySystemd(context).catch(() => false)
  return isService ? 'catchd service install' : 'catchd daemon restart'
}

/** Whether the socket unit is switched on, and is for the socket of this home. */
async function isActivatedBySystemd(context: Context): Promise<boolean> {
  const { isSwitchedOn, servicePlan } = await import('./service.js')
  const plan = await servicePlan(context)
  const { kind, files } = plan
  const unit = files.find(({ path }) => path.endsWith('/catchd.socket'))
  if (kind !== 'systemd user service' || unit === undefined) return false
  return (await readFile(unit.path, 'utf8')) === unit.content && (await isSwitchedOn(plan))
}
