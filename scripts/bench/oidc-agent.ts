/**
 * The C peer oidc-agent (Debian's oidc-agent-cli), measured where it is installed: both sides are the same client of
 * one authorization server, which runs in this process, and each has a home and a daemon of its own.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type Daemon, startDaemon } from '../../test/support/daemon.js'
import { keyringReason, startKeyring } from '../../test/support/keyring.js'
import { isInstalled } from '../../test/support/needs.js'
import { type OidcProvider, startOidcProvider } from '../../test/support/oidc-provider.js'
import { environment } from '../../test/support/program.js'
import { OidcAgent } from './oidc-agent/agent.js'
import { LoginRows } from './oidc-agent/login-rows.js'
import { RunningBash } from './oidc-agent/running-bash.js'
import { compileTokenCall } from './oidc-agent/token-call.js'
import { timeProcess } from './processes.js'
import { type Comparison, median } from './rounds.js'

const COMMANDS = ['oidc-agent', 'oidc-gen', 'oidc-token']
const CALLS = 1_000
const CALLS_IN_BASH = 50
const REFRESHES = 3

/** What ends when all is measured, last first. */
type CleanUps = (() => unknown)[]

export async function oidcAgentRows(): Promise<{ rows: Comparison[]; stop(): Promise<void> }> {
  const cleanUps: CleanUps = []
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  }
  const missing = COMMANDS.filter((command) => !isInstalled(command))
  if (missing.length > 0) {
    console.error(`no rows against oidc-agent: not installed here: ${missing.join(', ')} (oidc-agent-cli)`)
    return { rows: [], stop }
  }
  try {
    return { rows: await prepareRows(cleanUps), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function prepareRows(cleanUps: CleanUps): Promise<Comparison[]> {
  const server = await startOidcProvider({
    // The ports of a native client's loopback redirect URIs are free to choose (RFC 8252 §7.3).
    redirectUris: ['http://localhost', 'http://127.0.0.1/callback/gw'],
    tokenEndpointAuthMethod: 'client_secret_basic',
  })
  cleanUps.push(() => server.close())
  const agent = await OidcAgent.start()
  cleanUps.push(() => agent.stop())
  const daemon = await startCatchd(server, { CATCHD_VAULT: 'file' })
  cleanUps.push(() => daemon.stop())
  const logins = new LoginRows(server, agent)
  cleanUps.push(() => logins.stop())

  await daemon.login('gw', (url) => server.approve(url))
  const account = await logins.logInPeer()
  return [
    ...(await readRows(daemon, agent, account, cleanUps)),
    ...(await bashRows(daemon, agent, account, cleanUps)),
    ...(await keyringRows(server, logins, cleanUps)),
    logins.untilReturned(daemon),
    refreshRow(daemon, agent, account, server),
  ]
}

function startCatchd(server: OidcProvider, env: Record<string, string>): Promise<Daemon> {
  return startDaemon({
    env: { ...env, BENCH_SECRET: server.clientSecret ?? '' },
    config: {
      profiles: {
        gw: {
          issuer: server.issuer,
          client_id: server.clientId,
          client_secret: { env: 'BENCH_SECRET' },
          scope: 'openid offline_access',
        },
      },
    },
  })
}

/** A C program asks, on both sides. The peer's library opens a connection for each call, and has no other way. */
async function readRows(
  daemon: Daemon,
  agent: OidcAgent,
  account: string,
  cleanUps: CleanUps,
): Promise<Comparison[]> {
  if (!isInstalled('cc')) {
    console.error("no rows against oidc-agent's library call: not installed here: cc (gcc)")
    return []
  }
  const tokenCall = await compileTokenCall(await temporaryFolder(cleanUps))
  const common = {
    against: "oidc-agent's library call",
    unit: 'ms',
    reference: () => tokenCall('library', account, CALLS, agent.env),
  } as const
  return [
    {
      ...common,
      what: 'token over the socket, kept connection, p50',
      ours: () => tokenCall('kept', daemon.socketPath, CALLS, {}),
      goal: { most: 0.28 },
    },
    {
      ...common,
      what: 'token over the socket, new connection for each call, p50',
      ours: () => tokenCall('new', daemon.socketPath, CALLS, {}),
      goal: { most: 0.5 },
    },
  ]
}

/** Called as it stands, and in a `$()`, for which bash makes a process of its own on both sides. */
async function bashRows(
  daemon: Daemon,
  agent: OidcAgent,
  account: string,
  cleanUps: CleanUps,
): Promise<Comparison[]> {
  const bin = join(await temporaryFolder(cleanUps), 'bin')
  await mkdir(bin)
  // The functions fall back on the command line, which is not what this row is about.
  await writeFile(join(bin, 'catchd'), '#!/bin/sh\nexit 1\n')
  await chmod(join(bin, 'catchd'), 0o755)
  const { stdout: functions } = await daemon.cli(['shell-init', 'bash'])
  const bash = new RunningBash(
    functions,
    environment(agent.env, { PATH: `${bin}:${process.env['PATH'] ?? ''}` }),
  )
  cleanUps.push(() => bash.stop())
  const common = {
    against: '`$(oidc-token ACC)`',
    unit: 'ms',
    reference: () => bash.perCall(`token=$(oidc-token ${account})`, CALLS_IN_BASH),
  } as const
  return [
    {
      ...common,
      what: '`catchd_token gw` in a running bash',
      ours: () => bash.perCall('catchd_token gw >/dev/null', CALLS_IN_BASH),
      goal: { most: 0.4 },
    },
    {
      ...common,
      what: '`$(catchd_token gw)` in a running bash',
      ours: () => bash.perCall('token=$(catchd_token gw)', CALLS_IN_BASH),
      goal: null,
    },
  ]
}

/** None without a keyring; that was said when it was looked for. */
async function keyringRows(
  server: OidcProvider,
  logins: LoginRows,
  cleanUps: CleanUps,
): Promise<Comparison[]> {
  if (keyringReason !== undefined) return []
  const keyring = await startKeyring()
  cleanUps.push(() => keyring.stop())
  const { HOME: _home, ...session } = keyring.env
  const daemon = await startCatchd(server, { ...session, CATCHD_VAULT: 'keychain' })
  cleanUps.push(() => daemon.stop())
  return [logins.untilPage(daemon)]
}

/** Both sides have written the rotated refresh token when they answer: a sealed file here, a sealed file there. */
function refreshRow(daemon: Daemon, agent: OidcAgent, account: string, server: OidcProvider): Comparison {
  const oneRefresh = async (refresh: () => Promise<unknown>) => {
    const times: number[] = []
    for (let count = 0; count < REFRESHES; count++) {
      const before = server.counts.refreshes
      const startedAt = performance.now()
      await refresh()
      times.push(performance.now() - startedAt)
      if (server.counts.refreshes !== before + 1) throw new Error('That was not one refresh.')
    }
    return median(times)
  }
  return {
    what: 'forced refresh with rotation, stored in the file vault',
    against: '`oidc-token --force-new ACC`',
    unit: 'ms',
    ours: () => oneRefresh(() => daemon.api('POST', '/v1/tokens/gw/refresh')),
    reference: () => oneRefresh(() => timeProcess('oidc-token', ['--force-new', account], agent.env)),
    goal: { most: 0.04 },
    rounds: 5,
  }
}

async function temporaryFolder(cleanUps: CleanUps): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-bench-'))
  cleanUps.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}
