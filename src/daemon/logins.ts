/** Logins of every kind, and the listeners for authorization responses. */

import { browserOpener } from '../browser/browser-opener.js'
import { placeOfSetting } from '../config/settings.js'
import { LazyApp } from '../fast-path/lazy-app.js'
import { HttpListener } from '../http/http-listener.js'
import { LoopbackRedirectListeners } from '../http/redirect/listeners.js'
import { ownCertificateFiles } from '../http/redirect/own-certificate.js'
import { unreadPage } from '../http/redirect/pages/long-headers-page.js'
import { LoginRecords } from '../login/login-records.js'
import { Logins } from '../login/logins.js'
import type { DaemonParts } from './parts.js'

/** Cookies belong to a host, whatever the port, so a browser sends those of every program on localhost. */
const REDIRECT_LIMITS = {
  maxHeaderBytes: 64 * 1024,
  mostConnections: 4_000,
  mostUnfinishedBytes: 32 * 1024 * 1024,
  keepAliveMs: 5_000,
}

export function composeLogins(
  parts: Pick<
    DaemonParts,
    | 'clock'
    | 'environment'
    | 'settings'
    | 'folders'
    | 'log'
    | 'events'
    | 'gate'
    | 'machine'
    | 'storage'
    | 'tokens'
    | 'current'
  >,
) {
  const { clock, environment, settings, folders, log, events, gate, machine, storage, tokens, current } =
    parts
  const { vault, configuration } = storage
  // Used before it exists: a login binds its redirect URI, and the requests there are for a login.
  const redirectApp = new LazyApp(async () => {
    const { buildRedirectApp } = await import('../http/redirect/redirect-app.js')
    return buildRedirectApp({
      logins,
      clock,
      hasTokens: (profile) =>
        tokens.keeper.find(profile).then(
          ({ set }) => set !== null,
          () => undefined,
        ),
      log: (event) => log.info(event),
    })
  })
  const redirectListeners = new LoopbackRedirectListeners({
    listener: new HttpListener(redirectApp.routing, REDIRECT_LIMITS, unreadPage),
    clock,
    log: (event) => log.info(event),
    ownCertificate: ownCertificateFiles(folders.stateFolder),
  })
  const logins = new Logins({
    clock,
    records: new LoginRecords(vault, storage.loginJournal),
    servers: tokens.servers,
    tokens: tokens.keeper,
    profiles: configuration,
    lock: gate,
    listeners: redirectListeners,
    openBrowser: (url) =>
      browserOpener(
        { command: current().browser, place: placeOfSetting(environment, 'browser') },
        process.env,
      )(url),
    describeVault: storage.describeVault,
    timeoutSeconds: () => current().loginTimeoutSeconds,
    machine,
    log: (event) => events.tell(event),
  })
  return {
    logins,
    redirectListeners,

    /** The default redirect URI answers even if no profile uses it, so that a stray response gets a page. */
    adoptConfiguration() {
      const own = { redirectUri: `http://127.0.0.1:${settings.redirectPort}/callback`, profile: null }
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
