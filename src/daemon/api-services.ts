/** The services that the routes of the API call. */
import { dirname } from 'node:path'
import { toInstant } from '../clock.js'
import { PRESETS } from '../config/presets.js'
import { AccessRecord, tokenAccess } from '../http/api/access-record.js'
import { RecentActivity } from '../http/api/recent-activity.js'
import type { ApiServices } from '../http/api/services.js'
import type { MissedResponse } from '../http/redirect/missed-responses.js'
import { whyNotRefreshed } from '../login/login-report.js'
import { ProfileDiscovery } from '../profiles/profile-discovery.js'
import { ProfileService } from '../profiles/profile-service.js'
import { TokenService } from '../tokens/token-service.js'
import type { DaemonParts } from './parts.js'
import { settingsInUse } from './settings-in-use.js'

export function composeApiServices(parts: Omit<DaemonParts, 'log' | 'activated' | 'connect'>): ApiServices {
  const {
    clock,
    environment,
    section,
    settings,
    current,
    folders,
    version,
    machine,
    events,
    gate,
    storage,
    tokens,
    lock,
    listeners,
    onStop,
  } = parts
  const { vault, configuration, migrateVault } = storage
  const { servers, keeper, notices } = tokens
  const { logins, redirectListeners } = parts.logins
  const profiles = new ProfileService({ configuration, keeper, logins, vault, lock: gate, clock, servers })
  const activity = new RecentActivity(clock)
  events.subscribe((event) => activity.remember(event))
  const accesses = new AccessRecord(
    () => clock.now(),
    ({ client, profile }) => events.tell({ event: 'token.served', client, profile }),
  )
  const startedAtMs = clock.now()
  const inUse = settingsInUse(environment, section, () => configuration.daemonSection())
  return {
    tokens: new TokenService({
      clock,
      keeper,
      profiles: configuration,
      lock: gate,
      servers,
      onUsed: (profile) => notices.used(profile),
      cancelLogins: (profile) => logins.cancelAll(profile),
      explain: (profile, failure) =>
        whyNotRefreshed({ servers, profiles: configuration, machine }, profile, failure),
    }),
    logins,
    profiles,
    discovery: new ProfileDiscovery({
      discovery: servers.discovery,
      profiles,
      configuration,
      vault,
      lock: gate,
      redirectPort: settings.redirectPort,
      clientMetadataUrl: () => current().clientMetadataUrl,
      configFolder: dirname(folders.configFile),
    }),
    activity,
    presets: () => PRESETS,
    async status(limit) {
      const isVisible = (profile: string | null) =>
        limit === undefined || (profile !== null && limit.has(profile))
      return {
        version,
        pid: process.pid,
        started_at: toInstant(startedAtMs),
        listeners: {
          redirect: redirectListeners.addresses(),
          ...missedAnswer(redirectListeners.lastMissed),
          ...listeners.addresses(),
        },
        vault: { ...(await storage.vaultState()), unsaved: keeper.unsaved },
        config: configuration.status(),
        profiles: [...configuration.entries().keys()].filter(isVisible).length,
        logins_pending: logins.countPending(isVisible),
        locked: gate.isLocked,
        lock_error: lock.automatic.trouble,
        ...(limit === undefined
          ? { settings: inUse(), token_accesses: accesses.newest.map(tokenAccess) }
          : {}),
      }
    },
    tokenServed(client, profile) {
      accesses.served(client, profile)
      lock.automatic.used()
    },
    lock: {
      get isLocked() {
        return gate.isLocked
      },
      lock: (passphrase) => lock.lock.lock(passphrase),
      unlock: (passphrase) => lock.lock.unlock(passphrase),
    },
    subscribe: (listener) => events.subscribe(listener),
    clientChanged: (event, client) => events.tell({ event, client }),
    migrateVault: (to) => gate.use(() => migrateVault(to)),
    stop: onStop,
  }
}

function missedAnswer(missed: MissedResponse | undefined) {
  if (missed === undefined) return {}
  return { redirect_missed: { at: toInstant(missed.atMs), detail: missed.text } }
}
