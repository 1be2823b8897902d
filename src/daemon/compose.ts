/**
 * The composition root: the daemon in a few steps, each of which takes what the earlier ones gave. Building starts
 * nothing; `start` binds and reads, `stop` undoes it in the opposite direction.
 */
import { systemClock } from '../clock.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import { machineFactsOf } from '../diagnosis/facts.js'
import { ApiKeys } from '../http/access/api-keys.js'
import type { ActivatedSockets } from './activation.js'
import { ApiHandler } from './api-handler.js'
import { ApiListeners } from './api-listeners.js'
import { composeApiServices } from './api-services.js'
import { connectServers } from './authorization-servers.js'
import { EventHub } from './event-hub.js'
import type { DaemonLog } from './log.js'
import { composeLogins } from './logins.js'
import { openStorage } from './storage.js'
import { composeTokens } from './tokens.js'

/** Time for requests in flight when the daemon is asked to end. */
const DRAIN_MS = 5_000
/** Time to answer callers of a daemon that cannot start. */
const REFUSING_MS = 500

export interface DaemonSettings {
  readonly environment: Environment
  readonly folders: Folders
  readonly log: DaemonLog
  readonly version: string
  /** What listens already when the daemon starts. */
  readonly activated: ActivatedSockets
  /** Called when the API is asked to end the daemon. */
  readonly onStop: () => void
}

/** What a test puts in the place of the world outside. */
export type DaemonEdges = typeof EDGES

const EDGES = { clock: systemClock, connect: connectServers }

export type Daemon = Awaited<ReturnType<typeof compose>>

export async function compose(settings: DaemonSettings, { clock, connect }: DaemonEdges = EDGES) {
  const { environment, folders, log, activated } = settings
  const machine = machineFactsOf(process.platform, process.env)

  const events = new EventHub(log)
  const storage = await openStorage(environment, folders, clock)
  const tokens = composeTokens({ clock, folders, log, events, storage, connect })
  const logins = composeLogins({ ...settings, clock, events, machine, storage, tokens })
  const listeners = new ApiListeners({
    socketPath: folders.socketPath,
    apiPort: environment.apiPort,
    activated,
  })
  const built = { ...settings, clock, machine, events, storage, tokens, logins, listeners }
  const services = composeApiServices(built)
  const keys = await ApiKeys.open(folders.stateFolder, clock, (event) => log.warn(event))
  const handler = new ApiHandler({ clock, log, keys, services, listeners })

  const adoptConfiguration = () => {
    tokens.keeper.reconsider()
    void tokens.notices.reconsider()
    logins.adoptConfiguration()
  }

  const open = async () => {
    await listeners.openSocket(handler.listener) // the lock: what only one daemon may touch comes after it
    storage.openJournals()
    await listeners.openTcp(handler.listener)
    storage.configuration.onChange(({ ok }) => {
      adoptConfiguration()
      events.tell({ event: ok ? 'configuration.changed' : 'configuration.refused' })
    })
    adoptConfiguration() // a response may come as soon as the address is bound
    await logins.redirectListeners.openDefault(environment.redirectPort, activated.redirect)
  }

  return {
    services,
    keys,

    /** Resolves when the API answers. @throws CatchdError `already_running`, `config_invalid` */
    async start(): Promise<void> {
      try {
        await open()
      } catch (error) {
        handler.refuse(error)
        await listeners.close(REFUSING_MS)
        await logins.redirectListeners.close(REFUSING_MS)
        throw error
      }
      await logins.logins.restore() // before anybody asks for a login of the last run
      handler.serve()
      const { defaultFailure } = logins.redirectListeners
      if (defaultFailure !== undefined) {
        log.warn({ event: 'redirect.unavailable', code: defaultFailure.code, detail: defaultFailure.detail })
      }
      await tokens.notices.start()
      const { version, pid, listeners: addresses } = await services.status()
      log.info({ event: 'daemon.started', version, pid, ...addresses })
    },

    /** Stops accepting, drains, stores what is unsaved. */
    async stop(): Promise<void> {
      log.info({ event: 'daemon.stopping' })
      await handler.close()
      await Promise.all([logins.redirectListeners.close(DRAIN_MS), listeners.close(DRAIN_MS)])
      logins.logins.close()
      await tokens.notices.close()
      await tokens.keeper.drain()
      await keys.close()
      tokens.servers.close()
      await storage.close()
      await log.close()
    },
  }
}
