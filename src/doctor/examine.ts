/**
 * Runs all checks of `catchd doctor`. Causes come before their effects. Nothing is started and nothing is changed.
 * The network is used only when a profile is named.
 */
import { CatchdClient } from '../client/client.js'
import type { Environment } from '../config/environment.js'
import { type Folders, resolveFolders } from '../config/folders.js'
import type { Profile } from '../config/profile.js'
import { daemonSettings, daemonSettingsInEffect, placeOfSetting, readSettings } from '../config/settings.js'
import { machineFactsOf } from '../diagnosis/facts.js'
import { examineConfiguration, examineEnvironment, requireProfile } from './configuration.js'
import {
  askDaemon,
  type DaemonState,
  examinePort,
  judgeDaemon,
  judgeMissedResponse,
  judgeSettings,
  portsNeeded,
} from './daemon.js'
import { type Finding, failed, warn } from './finding.js'
import { examineLastLogin } from './last-login.js'
import { checkBrowser, checkNode, type Machine } from './machine.js'
import { checkFolders, checkStateFiles } from './places.js'
import { checkProxy, compareProxies, startEnvironment } from './proxy.js'
import { examineServer } from './server.js'
import { examineTokens } from './tokens.js'
import { examineVault, judgeDaemonVault, judgeUnsaved } from './vault.js'

/** A healthy daemon answers in milliseconds. A suspended process never answers. */
const ANSWERS_WITHIN_MS = 3_000

interface ExamineOptions {
  /** Checks the user's service; `undefined` if the environment does not say where it would be. */
  readonly service?: (() => Promise<Finding>) | undefined
  /** The command after which the daemon uses the settings of this shell. */
  readonly restart?: string
}

/**
 * @param profile - Name of the profile whose server and tokens are checked as well.
 */
export async function examine(
  machine: Machine,
  profile: string | undefined,
  { service, restart = 'catchd daemon restart' }: ExamineOptions = {},
): Promise<Finding[]> {
  const { environment, finding } = examineEnvironment(machine.env)
  const beginning = [checkNode(machine), finding]
  let folders: Folders
  try {
    folders = resolveFolders(environment)
  } catch (error) {
    return [...beginning, failed('folders', error), checkProxy(machine)]
  }
  const client = clientOf(environment, folders)
  try {
    const daemon = await askDaemon(client)
    const scene = { machine, environment, folders, client, daemon, service, restart }
    const rest =
      environment.url === undefined ? await examineHome(scene, profile) : await examineRemote(scene, profile)
    return [...beginning, ...rest]
  } finally {
    client.close()
  }
}

interface Scene {
  readonly machine: Machine
  readonly environment: Environment
  readonly folders: Folders
  readonly client: CatchdClient
  readonly daemon: DaemonState
  readonly service: (() => Promise<Finding>) | undefined
  readonly restart: string
}

function clientOf({ url, apiKey }: Environment, { socketPath }: Folders): CatchdClient {
  const timeoutMs = ANSWERS_WITHIN_MS
  if (url === undefined) return new CatchdClient({ socketPath, timeoutMs })
  return new CatchdClient({ url, timeoutMs, apiKey: apiKey?.reveal() })
}

async function examineHome(scene: Scene, name: string | undefined): Promise<Finding[]> {
  const { machine, environment, folders, daemon } = scene
  const { section } = await readSettings(folders.configFile)
  const here = daemonSettingsInEffect(environment, section)
  const settings = daemonSettings(environment, section)
  const configuration = await examineConfiguration(folders, settings.redirectPort)
  const status = daemon.state === 'running' ? daemon.status : undefined
  const findings = [
    ...(await checkFolders(folders)),
    ...(await checkStateFiles(folders.stateFolder)),
    ...configuration.findings,
    ...(await examineVault(machine, { ...environment, vault: settings.vault }, folders.stateFolder, status)),
    judgeDaemon(daemon, folders.socketPath, true),
    ...judgeSettings(daemon, here, scene.restart),
    ...judgeMissedResponse(daemon),
  ]
  // One after the other: two needs may name the same port.
  for (const need of portsNeeded(here, configuration.profiles)) findings.push(await examinePort(need, daemon))
  if (scene.service !== undefined) findings.push(await scene.service())
  findings.push(
    checkBrowser(
      machine,
      { command: settings.browser, place: placeOfSetting(environment, 'browser') },
      settings.redirectPort,
    ),
    checkProxy(machine),
  )
  if (status !== undefined) findings.push(...compareProxies(machine, await startEnvironment(status.pid)))
  if (name !== undefined) findings.push(...(await examineProfile(scene, name, configuration.profiles)))
  return findings
}

/** A daemon at `CATCHD_URL` keeps its files elsewhere, so the files on this machine are not checked. */
async function examineRemote(scene: Scene, name: string | undefined): Promise<Finding[]> {
  const { environment, client, daemon } = scene
  const findings = [judgeDaemon(daemon, environment.url ?? '', false), ...judgeMissedResponse(daemon)]
  if (daemon.state !== 'running') return findings
  findings.push(judgeDaemonVault(daemon.status), judgeUnsaved(daemon.status.vault.unsaved))
  if (name !== undefined) {
    findings.push(...(await examineTokens(name, client)), ...(await examineLastLogin(name, client)))
  }
  return findings
}

async function examineProfile(
  { machine, client, daemon }: Scene,
  name: string,
  profiles: ReadonlyMap<string, Profile> | undefined,
): Promise<Finding[]> {
  if (profiles === undefined) {
    return [warn('profile', `${name} cannot be checked until the configuration file is valid.`)]
  }
  const findings: Finding[] = []
  try {
    const profile = requireProfile(name, profiles)
    const host = machineFactsOf(machine.platform, machine.env)
    const isRunning = daemon.state === 'running'
    const found = isRunning ? await client.profile(name).catch(() => undefined) : undefined
    const server = await examineServer(profile, host, found?.status === 'logged_in')
    findings.push(...server.findings)
    if (!isRunning) return findings
    findings.push(...(await examineTokens(name, client, { profile, published: server.published })))
  } catch (error) {
    return [failed('profile', error)]
  }
  return [...findings, ...(await examineLastLogin(name, client))]
}
