/**
 * Checks the daemon and the ports it needs: whether the daemon runs, whether it has the same version as this program,
 * and which other program uses a port. The daemon is never started. A port is tested by binding it for a moment.
 */
import { lstatSync } from 'node:fs'
import { createServer } from 'node:net'
import type { DaemonStatus } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { NothingListens } from '../client/daemon-error.js'
import { variableOf } from '../config/environment.js'
import { usesRedirectUri } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import type { DaemonSetting } from '../config/settings.js'
import { differencesInWords } from '../config/settings-difference.js'
import { asCatchdError, type CatchdError, EXIT } from '../failures.js'
import { readBindTarget } from '../http/redirect/bind-target.js'
import { findPortHolder, type PortHolder } from '../http/redirect/port-holder.js'
import { shellWord } from '../text/shell-word.js'
import { withoutVariables } from '../text/without-variables.js'
import { VERSION } from '../version.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'

export type DaemonState =
  | { readonly state: 'running'; readonly status: DaemonStatus }
  | { readonly state: 'absent' }
  | { readonly state: 'trouble'; readonly failure: CatchdError }

/** @param client - A client that does not start the daemon. */
export async function askDaemon(client: Pick<CatchdClient, 'status'>): Promise<DaemonState> {
  try {
    return { state: 'running', status: await client.status() }
  } catch (error) {
    if (error instanceof NothingListens) return { state: 'absent' }
    return { state: 'trouble', failure: asCatchdError(error) }
  }
}

/**
 * @param where - The daemon's socket, or its URL.
 * @param startedOnDemand - false for a daemon at `CATCHD_URL`, which commands on this machine cannot start.
 */
export function judgeDaemon(daemon: DaemonState, where: string, startedOnDemand: boolean): Finding {
  const check = 'daemon'
  switch (daemon.state) {
    case 'running':
      return judgeRunning(daemon.status)
    case 'absent':
      if (isOccupied(where)) {
        return fail(
          check,
          EXIT.taken,
          `${where} exists but is not a socket. catchd does not touch it.`,
          `ls -l ${shellWord(where)}`,
        )
      }
      if (startedOnDemand) return ok(check, 'Not running. The next command that needs it starts it.')
      return fail(
        check,
        EXIT.unreachable,
        `Nothing listens at ${where} (CATCHD_URL).`,
        withoutVariables(['CATCHD_URL'], 'catchd status'),
      )
    case 'trouble':
      return failed(check, daemon.failure)
  }
}

function judgeRunning({ version, pid, listeners }: DaemonStatus): Finding {
  if (version === VERSION && listeners.tcp_error !== null) return warn('daemon', listeners.tcp_error)
  if (version === VERSION) return ok('daemon', `Version ${version}, process ${pid}`)
  return warn(
    'daemon',
    `The running daemon (process ${pid}) has version ${version}, but this program has version ${VERSION}.`,
    'catchd daemon restart',
  )
}

/**
 * @param here - What a daemon that is started here uses.
 * @param restart - The command after which the daemon uses these settings.
 */
export function judgeSettings(
  daemon: DaemonState,
  here: readonly DaemonSetting[],
  restart: string,
): Finding[] {
  // A daemon of an older version does not send its settings.
  if (daemon.state !== 'running' || daemon.status.settings === undefined) return []
  const { settings, vault } = daemon.status
  const differences = differencesInWords(here, settings, vault.kind)
  if (differences.length === 0) return [ok('settings', 'The running daemon uses the settings of this shell.')]
  return [warn('settings', differences.join(' '), restart)]
}

/** @returns No finding if everything that arrived at the redirect URIs could be read, since the daemon started. */
export function judgeMissedResponse(daemon: DaemonState): Finding[] {
  const missed = daemon.state === 'running' ? daemon.status.listeners.redirect_missed : undefined
  return missed === undefined ? [] : [warn('redirect', `At ${missed.at}: ${missed.detail}`)]
}

function isOccupied(path: string): boolean {
  if (process.platform === 'win32') return false
  try {
    return lstatSync(path).isSocket() === false
  } catch {
    return false
  }
}

const PORT_CHECKS = new Map([
  ['api_port', 'API port'],
  ['redirect_port', 'redirect port'],
])

/** A port that catchd needs. */
interface PortNeed {
  readonly check: string
  readonly hosts: readonly string[]
  readonly port: number
  /** The command to run when another program uses the port. */
  readonly next: string
  /** The same with another port, if the file has the setting and any port will do. */
  readonly nextWithPort?: ((port: number) => string) | undefined
  /** The check of a redirect port that is the same port. The daemon can use it only once. */
  readonly sharedWith?: string | undefined
}

/** The ports of the settings and of the profiles' redirect URIs. Each redirect port is there once. */
export function portsNeeded(
  settings: readonly DaemonSetting[],
  profiles: ReadonlyMap<string, Profile> | undefined,
): PortNeed[] {
  const needs = new Map<string, PortNeed>()
  const add = (need: PortNeed) => {
    const key = `${need.hosts.join(' ')} ${need.port}`
    if (need.port !== 0 && !needs.has(key)) needs.set(key, need)
  }
  const here = ['127.0.0.1']
  let api: PortNeed | undefined
  for (const { key, value, source } of settings) {
    const name = key.replace(/^daemon\./, '')
    const check = PORT_CHECKS.get(name)
    if (check === undefined || typeof value !== 'number') continue
    const isVariable = source === 'environment'
    const setting = isVariable ? `${variableOf(name)}=0` : `catchd config set ${key} 0 &&`
    const next = `${setting} catchd daemon restart`
    const nextWithPort =
      isVariable || name !== 'api_port'
        ? undefined
        : (port: number) => `catchd config set ${key} ${port} && catchd daemon restart`
    const need = { check, hosts: here, port: value, next, nextWithPort }
    if (name === 'api_port') api = need
    else add(need)
  }
  for (const profile of profiles?.values() ?? []) {
    if (!usesRedirectUri(profile)) continue
    const { name, redirect_uri, listen } = profile
    const target = bindTarget(redirect_uri, listen ?? null)
    if (target === undefined) continue
    const { hosts, port } = target
    add({ check: `redirect port of ${name}`, hosts, port, next: `catchd profile edit ${name}` })
  }
  const redirects = [...needs.values()]
  if (api === undefined || api.port === 0) return redirects
  return [...redirects, { ...api, sharedWith: redirects.find(({ port }) => port === api.port)?.check }]
}

function bindTarget(redirectUri: string, listen: string | null) {
  try {
    return readBindTarget(redirectUri, listen)
  } catch {
    return undefined // the rules of the configuration report it
  }
}

/** What the check of a port found. */
interface PortFacts {
  /** The system's error code; `undefined`: the port can be bound. */
  readonly refusal: string | undefined
  readonly holder: PortHolder | undefined
}

export async function examinePort(need: PortNeed, daemon: DaemonState): Promise<Finding> {
  if (need.sharedWith !== undefined) {
    const free = await freePortAfter(need.port)
    const next = free === undefined ? undefined : need.nextWithPort?.(free)
    const detail = `Port ${need.port} is also the ${need.sharedWith}. Each needs a port of its own.`
    return fail(need.check, EXIT.taken, detail, next ?? need.next)
  }
  const refusals = await Promise.all(need.hosts.map((host) => tryToBind(host, need.port)))
  // `localhost` has two address families. One that the system does not have is no problem.
  const refusal = refusals.find((code) => code !== undefined && code !== 'EADDRNOTAVAIL')
  const holder = refusal === 'EADDRINUSE' ? await findPortHolder(need.port) : undefined
  const other = refusal === undefined ? undefined : await freePortAfter(need.port)
  const next = other === undefined ? undefined : need.nextWithPort?.(other)
  return judgePort({ ...need, next: next ?? need.next }, { refusal, holder }, daemon)
}

export function judgePort(need: PortNeed, { refusal, holder }: PortFacts, daemon: DaemonState): Finding {
  const { check, port, next } = need
  const status = daemon.state === 'running' ? daemon.status : undefined
  if (refusal === undefined) return ok(check, `Port ${port} is free.`)
  if (refusal !== 'EADDRINUSE') {
    return fail(check, EXIT.taken, `Port ${port} cannot be used (${refusal}).`, next)
  }
  const isOurs = holder === undefined ? listensOn(status, port) : holder.pid === status?.pid
  if (isOurs) return ok(check, `Port ${port} is used by the daemon.`)
  const who = holder === undefined ? 'another program' : `${holder.command} (process ${holder.pid})`
  return fail(check, EXIT.taken, `Port ${port} is used by ${who}. End it, or use another port.`, next)
}

function listensOn(status: DaemonStatus | undefined, port: number): boolean {
  const { redirect = [], tcp = null } = status?.listeners ?? {}
  return [...redirect, tcp ?? ''].some((address) => address.endsWith(`:${port}`))
}

/** @returns The first free port after this one; `undefined`: there is none near. */
async function freePortAfter(port: number): Promise<number | undefined> {
  for (let other = port + 1; other < Math.min(port + 20, 65_536); other += 1) {
    if ((await tryToBind('127.0.0.1', other)) === undefined) return other
  }
  return undefined
}

function tryToBind(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
