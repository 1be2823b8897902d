/** Logins of every kind, and the addresses on which authorization responses come in. */
import type { Clock } from '../clock.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import type { MachineFacts } from '../diagnosis/facts.js'
import { LazyApp } from '../fast-path/lazy-app.js'
import { HttpListener } from '../http/http-listener.js'
import { LoopbackRedirectListeners } from '../http/redirect/listeners.js'
import { ownCertificateFiles } from '../http/redirect/own-certificate.js'
import { LoginRecords } from '../login/login-records.js'
import { Logins } from '../login/logins.js'
import { browserOpener } from './browser.js'
import type { EventHub } from './event-hub.js'
import type { DaemonLog } from './log.js'
import type { Storage } from './storage.js'
import type { Tokens } from './tokens.js'

/** Browsers bring short requests; a code rarely has more than a few hundred characters. */
const REDIRECT_LIMITS = { maxHeaderBytes: 8 * 1024, mostConnections: 4_000, keepAliveMs: 5_000 }

export interface LoginParts {
  readonly clock: Clock
  readonly environment: Environment
  readonly folders: Folders
  readonly log: DaemonLog
  readonly events: EventHub
  readonly machine: MachineFacts
  readonly storage: Storage
  readonly tokens: Tokens
}

export function composeLogins(parts: LoginParts) {
  const { clock, environment, folders, log, events, machine, storage, tokens } = parts
  const { vault, configuration } = storage
  // Late, because both directions are real: a login binds its redirect URI, and what comes in there is a login's.
  const redirectApp = new LazyApp(async () => {
    const { buildRedirectApp } = await import('../http/redirect/redirect-app.js')
    return buildRedirectApp({ logins, clock, log: (event) => log.info(event) })
  })
  const redirectListeners = new LoopbackRedirectListeners({
    listener: new HttpListener(redirectApp.routing, REDIRECT_LIMITS),
    clock,
    ownCertificate: ownCertificateFiles(folders.stateFolder),
  })
  const logins = new Logins({
    clock,
    records: new LoginRecords(vault, storage.loginJournal),
    servers: tokens.servers,
    tokens: tokens.keeper,
    profiles: configuration,
    listeners: redirectListeners,
    openBrowser: browserOpener(environment.browser ?? null, process.env),
    describeVault: storage.describeVault,
    timeoutSeconds: environment.loginTimeoutSeconds,
    machine,
    log: (event) => events.tell(event),
  })
  return {
    logins,
    redirectListeners,

    /** The default address answers even where no profile names it, so that a stray response gets a page. */
    adoptConfiguration() {
      const own = { redirectUri: `http://127.0.0.1:${environment.redirectPort}/callback`, profile: null }
      const profiles = [...configuration.profiles().values()]
      const configured = profiles.map(({ name, redirect_uri: redirectUri }) => ({
        redirectUri,
        profile: name,
      }))
      logins.setConfiguredRedirectUris([own, ...configured])
    },
  }
}

export type ComposedLogins = ReturnType<typeof composeLogins>
