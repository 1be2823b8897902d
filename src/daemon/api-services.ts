/** What the routes of the API call, made of what the earlier steps gave. */
import { dirname } from 'node:path'
import type { Clock } from '../clock.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import { PRESETS } from '../config/presets.js'
import type { MachineFacts } from '../diagnosis/facts.js'
import { AccessRecord } from '../http/api/access-record.js'
import type { ApiServices } from '../http/api/services.js'
import { whyNotRefreshed } from '../login/login-report.js'
import { TokenService } from '../tokens/token-service.js'
import type { ApiListeners } from './api-listeners.js'
import type { EventHub } from './event-hub.js'
import type { ComposedLogins } from './logins.js'
import { ProfileDiscovery } from './profile-discovery.js'
import { ProfileService } from './profile-service.js'
import { RecentActivity } from './recent-activity.js'
import { daemonStatus } from './status.js'
import type { Storage } from './storage.js'
import type { Tokens } from './tokens.js'

export interface ApiServiceParts {
  readonly clock: Clock
  readonly environment: Environment
  readonly folders: Folders
  readonly version: string
  readonly machine: MachineFacts
  readonly events: EventHub
  readonly storage: Storage
  readonly tokens: Tokens
  readonly logins: ComposedLogins
  readonly listeners: ApiListeners
  /** Called when the API is asked to end the daemon. */
  readonly onStop: () => void
}

export function composeApiServices(parts: ApiServiceParts): ApiServices {
  const { clock, environment, folders, machine, events, storage, tokens, logins, onStop } = parts
  const { vault, configuration } = storage
  const { servers, keeper, notices } = tokens
  const profiles = new ProfileService(
    configuration,
    keeper,
    logins.logins,
    vault,
    clock,
    servers,
    servers.discovery,
  )
  const activity = new RecentActivity(clock)
  events.subscribe((event) => activity.remember(event))
  const accesses = new AccessRecord(
    () => clock.now(),
    ({ client, profile }) => events.tell({ event: 'token.served', client, profile }),
  )
  const status = { ...parts, startedAtMs: clock.now(), accesses }
  return {
    tokens: new TokenService({
      keeper,
      profiles: configuration,
      servers,
      onUsed: (profile) => notices.used(profile),
      cancelLogins: (profile) => logins.logins.cancelAll(profile),
      explain: (profile, failure) =>
        whyNotRefreshed({ servers, profiles: configuration, machine }, profile, failure),
    }),
    logins: logins.logins,
    profiles,
    discovery: new ProfileDiscovery({
      discovery: servers.discovery,
      profiles,
      entries: () => configuration.entries(),
      vault,
      redirectPort: environment.redirectPort,
      configFolder: dirname(folders.configFile),
    }),
    activity,
    presets: () => PRESETS,
    status: (limit) => daemonStatus(status, limit),
    tokenServed: (client, profile) => accesses.served(client, profile),
    subscribe: (listener) => events.subscribe(listener),
    clientChanged: (event, client) => events.tell({ event, client }),
    migrateVault: storage.migrateVault,
    stop: onStop,
  }
}
