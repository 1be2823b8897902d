/** The parts of the daemon. Each step of the composition (compose.ts) takes some and adds the next. */
import type { Clock } from '../clock.js'
import type { DaemonSection } from '../config/daemon-section.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import type { Settings } from '../config/settings.js'
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
  /** The section `daemon` of the file, as far as it could be read at the start. */
  readonly section: DaemonSection
  readonly folders: Folders
  readonly log: DaemonLog
  readonly version: string
  /** Sockets that are bound before the daemon starts. */
  readonly activated: ActivatedSockets
  /** Called when the API is asked to stop the daemon. */
  readonly onStop: () => void
}

export interface DaemonParts extends DaemonSettings {
  /** As they were at the start. */
  readonly settings: Settings
  readonly clock: Clock
  readonly connect: (parts: ServerParts) => Servers
  readonly machine: MachineFacts
  readonly events: EventHub
  readonly gate: LockGate
  readonly storage: Storage
  readonly tokens: Tokens
  readonly logins: ComposedLogins
  readonly lock: ComposedLock
  /** The settings now: those that need no restart follow the file. */
  readonly current: () => Settings
  readonly listeners: ApiListeners
}
