/**
 * The real daemon in this process, for targets: its API on the unix socket, its redirect listener, its requests to the
 * hostile server. The vault is in memory, the clock stands still until a target moves it, and the log is kept.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnvironment } from '../../src/config/environment.js'
import { ensureFolder, resolveFolders } from '../../src/config/folders.js'
import { compose } from '../../src/daemon/compose.js'
import { connectServers } from '../../src/daemon/tokens.js'
import { type Exchanged, type ExchangeOptions, exchange } from '../support/http-client.js'
import { ManualClock } from '../support/manual-clock.js'

export type FuzzedDaemon = Awaited<ReturnType<typeof startDaemon>>

/** @param config - Content of config.jsonc. */
export async function startDaemon(config: object) {
  const home = mkdtempSync(join(tmpdir(), 'catchd-fuzz-'))
  writeFileSync(join(home, 'config.jsonc'), JSON.stringify(config), { mode: 0o600 })
  const daemon = await startDaemonIn(home, { CATCHD_VAULT: 'memory' })
  return {
    ...daemon,
    async stop(): Promise<void> {
      await daemon.stop()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** On the files of an existing home. @throws CatchdError if it cannot start there */
export async function startDaemonIn(home: string, variables: Readonly<Record<string, string>>) {
  const environment = parseEnvironment({
    CATCHD_HOME: home,
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: '0',
    CATCHD_BROWSER: 'none',
    ...variables,
  })
  const folders = resolveFolders(environment)
  for (const folder of [folders.configFolder, folders.stateFolder, folders.runtimeFolder]) {
    await ensureFolder(folder)
  }
  const logged: string[] = []
  const write = (event: object) => void logged.push(JSON.stringify(event))
  const log = {
    info: write,
    warn: write,
    error: write,
    debug: write,
    setLevel: () => {},
    isVerbose: true,
    close: async () => {},
  }
  const clock = new ManualClock(Date.now())
  const daemon = await compose(
    { environment, section: {}, folders, log, version: '0.0.0', activated: {}, onStop: () => {} },
    { clock, connect: connectServers },
  )
  try {
    await daemon.start()
  } catch (error) {
    await daemon.stop()
    throw error
  }
  const agent = new Agent({ keepAlive: true })
  const { socketPath } = folders

  return {
    clock,
    home,
    folders,
    services: daemon.services,
    /** The lines of the log since the last call. */
    takeLog: () => logged.splice(0),

    /** One request to the API. */
    call(method: string, path: string, body?: unknown, options: ExchangeOptions = {}): Promise<Exchanged> {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
      return exchange(`http://localhost${path}`, { method, headers, agent, socketPath, ...sent, ...options })
    },

    async stop(): Promise<void> {
      agent.destroy()
      await daemon.stop()
    },
  }
}

/** What the API said: `ok`, or the code of its problem. */
export function outcomeOf({ status, body }: Exchanged): string {
  if (status < 400) return 'ok'
  return /"code":"(\w+)"/.exec(body)?.[1] ?? String(status)
}
