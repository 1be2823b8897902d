/** The parts of the daemon. Each step of the composition (compose.ts) takes some and adds the next. */
import type { Clock } from '../clock.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import type { MachineFacts } from '../diagnosis/facts.js'
import type { LockGate } from '../lock/gate.js'
import type { ActivatedSockets } from './activation.js'
import type { ApiListeners } from './api-listeners.js'
import type { EventHub } from './event-hub.js'
import type { ComposedLock } from './lock.js'
import type { DaemonLog } from './log.js'
import type { ComposedLogins } from './logins.js'
import type { Storage } from './storage.js'
import type { ServerParts, Servers, Tokens } from './tokens.js'

export interface DaemonSettings {
  readonly environment: Environment
  readonly folders: Folders
  readonly log: DaemonLog
  readonly version: string
  /** Sockets that are bound before the daemon starts. */
  readonly activated: ActivatedSockets
  /** Called when the API is asked to stop the daemon. */
  readonly onStop: () => void
}

export interface DaemonParts extends DaemonSettings {
  readonly clock: Clock
  readonly connect: (parts: ServerParts) => Servers
  readonly machine: MachineFacts
  readonly events: EventHub
  readonly gate: LockGate
  readonly storage: Storage
  readonly tokens: Tokens
  readonly logins: ComposedLogins
  readonly lock: ComposedLock
  readonly listeners: ApiListeners
}
