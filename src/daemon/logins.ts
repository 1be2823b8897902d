/** Logins of every kind, and the addresses on which authorization responses come in. */
import type { Clock } from '../clock.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import type { MachineFacts } from '../diagnosis/machine-facts.js'
import { LazyApp } from '../fast-path/lazy-app.js'
import { HttpListener } from '../http/http-listener.js'
import { LoopbackRedirectListeners } from '../http/redirect/listeners.js'
import { ownCertificateFiles } from '../http/redirect/own-certificate.js'
import { Catches } from '../login/catches.js'
import { DeviceLogins } from '../login/device-logins.js'
import { LoginService } from '../login/login-service.js'
import { LoginStore } from '../login/login-store.js'
import { Logins } from '../login/logins.js'
import { RedirectDesk } from '../login/redirect-desk.js'
import { browserOpener } from './browser.js'
import type { EventHub } from './event-hub.js'
import type { DaemonLog } from './log.js'
import { LoginDesk } from './login-desk.js'
import { sharerOf } from './redirect-sharer.js'
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
    return buildRedirectApp({ answers: redirectDesk, clock, log: (event) => log.info(event) })
  })
  const redirectListeners = new LoopbackRedirectListeners({
    listener: new HttpListener(redirectApp.routing, REDIRECT_LIMITS),
    clock,
    ownCertificate: ownCertificateFiles(folders.stateFolder),
  })
  const shared = {
    clock,
    vault,
    servers: tokens.servers,
    tokens: tokens.keeper,
    profiles: configuration,
    listeners: redirectListeners,
    openBrowser: browserOpener(environment.browser ?? null, process.env),
    describeVault: storage.describeVault,
    timeoutSeconds: environment.loginTimeoutSeconds,
    machine,
    log: (event: Parameters<EventHub['tell']>[0]) => events.tell(event),
  }
  const redirected = new LoginService({ ...shared, store: new LoginStore(vault, storage.loginJournal) })
  const device = new DeviceLogins(shared)
  const sharer = (redirectUri: string) => sharerOf(redirectUri, configuration, redirected)
  const catches = new Catches({ ...shared, sharer })
  const redirectDesk = new RedirectDesk(redirected, catches)
  const logins = new Logins(redirected, device, catches, (name) => configuration.profile(name))
  const pauseSeconds = (name: string) => configuration.profile(name).login_pause_seconds ?? null
  return {
    logins,
    api: new LoginDesk(logins, clock, pauseSeconds),
    redirectListeners,

    /** The default address answers even where no profile names it, so that a stray response gets a page. */
    adoptConfiguration() {
      const own = `http://127.0.0.1:${environment.redirectPort}/callback`
      const configured = [...configuration.profiles().values()].map((profile) => profile.redirect_uri)
      redirected.setConfiguredRedirectUris([own, ...configured])
    },
  }
}

export type ComposedLogins = ReturnType<typeof composeLogins>
