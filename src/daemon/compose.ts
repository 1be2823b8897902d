/**
 * The composition root: builds the daemon in a few steps; each step uses the parts that the earlier ones made. Building
 * starts nothing: `start` binds and reads, `stop` undoes it in the opposite order.
 */
import { systemClock } from '../clock.js'
import { daemonSettings } from '../config/settings.js'
import { machineFactsOf } from '../diagnosis/facts.js'
import { ApiKeys } from '../http/access/api-keys.js'
import { LockGate } from '../lock/gate.js'
import { ApiHandler } from './api-handler.js'
import { ApiListeners } from './api-listeners.js'
import { composeApiServices } from './api-services.js'
import { EventHub } from './event-hub.js'
import { composeLock } from './lock.js'
import { composeLogins } from './logins.js'
import type { DaemonSettings } from './parts.js'
import { openStorage } from './storage.js'
import { composeTokens, connectServers } from './tokens.js'

/** How long requests in flight may take when the daemon stops. */
const DRAIN_MS = 5_000
/** How long a daemon that cannot start answers its callers. */
const REFUSING_MS = 500

/** What tests replace. */
export type DaemonEdges = typeof EDGES

const EDGES = { clock: systemClock, connect: connectServers }

export type Daemon = Awaited<ReturnType<typeof compose>>

export async function compose(given: DaemonSettings, { clock, connect }: DaemonEdges = EDGES) {
  const { environment, section, folders, log, activated } = given
  const settings = daemonSettings(environment, section)
  const base = { ...given, settings, clock }
  const machine = machineFactsOf(process.platform, process.env)

  const events = new EventHub(log)
  const gate = new LockGate()
  const storage = await openStorage({ environment, section, settings }, folders, clock, (path) =>
    log.warn({ event: 'vault.damage_set_aside', path }),
  )
  const current = () => daemonSettings(environment, storage.configuration.daemonSection())
  const tokens = composeTokens({ clock, folders, log, events, gate, storage, connect })
  const logins = composeLogins({ ...base, events, gate, machine, storage, tokens, current })
  const lock = composeLock({ clock, folders, gate, log, events, storage, tokens, logins })
  const listeners = new ApiListeners(base)
  const built = { ...base, machine, events, gate, storage, tokens, logins, lock, listeners, current }
  const services = composeApiServices(built)
  const keys = await ApiKeys.open(folders.stateFolder, clock, (event) => log.warn(event))
  const handler = new ApiHandler({ clock, log, keys, services, listeners })

  const adoptConfiguration = () => {
    log.setLevel(current().logLevel)
    tokens.keeper.reconsider()
    tokens.keeper.watchLifetimes(storage.configuration.profiles().values())
    void tokens.notices.reconsider()
    logins.adoptConfiguration()
    lock.automatic.reconsider()
  }

  const open = async () => {
    await listeners.openSocket(handler.listener) // the lock: only then the files that one daemon alone may use
    storage.openJournals()
    await lock.lock.restore()
    await listeners.openTcp(handler.listener)
    storage.configuration.onChange(({ ok }) => {
      adoptConfiguration()
      events.tell({ event: ok ? 'configuration.changed' : 'configuration.refused' })
    })
    adoptConfiguration() // a response may arrive as soon as the address is bound
    await logins.redirectListeners.openDefault(settings.redirectPort, activated.redirect)
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
      await logins.logins.restore() // before a request for a login of the last run
      handler.serve()
      const { defaultFailure } = logins.redirectListeners
      if (defaultFailure !== undefined) {
        log.warn({ event: 'redirect.unavailable', code: defaultFailure.code, detail: defaultFailure.detail })
      }
      await tokens.notices.start()
      const { version, pid, listeners: addresses } = await services.status()
      log.info({ event: 'daemon.started', version, pid, ...addresses })
    },

    /** Stops accepting requests, waits for those in flight, saves unsaved token sets. */
    async stop(): Promise<void> {
      log.info({ event: 'daemon.stopping' })
      await handler.close()
      await Promise.all([logins.redirectListeners.close(DRAIN_MS), listeners.close(DRAIN_MS)])
      logins.logins.close()
      lock.close()
      await tokens.notices.close()
      await tokens.keeper.drain()
      await keys.close()
      tokens.servers.close()
      await storage.close()
      await log.close()
    },
  }
}
