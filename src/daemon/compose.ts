/**
 * The composition root: the only file that knows every concrete class. Building starts nothing; `start` binds
 * and reads, `stop` undoes it.
 */
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { OAuthAuthorizationServers } from '../authorization-server/authorization-servers.js'
import { systemClock, toInstant } from '../clock.js'
import { createClientSecrets } from '../config/client-secret.js'
import type { Environment } from '../config/environment.js'
import type { Folders } from '../config/folders.js'
import { PRESETS } from '../config/presets.js'
import { ConfigurationStore } from '../config/store.js'
import { createSubjectTokens } from '../config/subject-token.js'
import { machineFactsOf } from '../diagnosis/machine-facts.js'
import { CatchdError } from '../failures.js'
import { ApiKeys } from '../http/access/api-keys.js'
import { markConnection } from '../http/access/connection-kind.js'
import { DashboardSessions } from '../http/access/sessions.js'
import { AccessRecord, tokenAccess } from '../http/api/access-record.js'
import type { ApiServices } from '../http/api/services.js'
import { tokenLane } from '../http/api/token-lane.js'
import { unreadProblem } from '../http/api/unread-problem.js'
import { HttpListener, type OpenAddress } from '../http/http-listener.js'
import { LazyApp } from '../http/lazy-app.js'
import { LoopbackRedirectListeners } from '../http/redirect/listeners.js'
import { ownCertificateFiles } from '../http/redirect/own-certificate.js'
import { findPortHolder } from '../http/redirect/port-holder.js'
import { StepJournal } from '../journal/step-journal.js'
import { Catches } from '../login/catches.js'
import { DeviceLogins } from '../login/device-logins.js'
import { LoginJournal } from '../login/journal.js'
import { whyNotRefreshed } from '../login/login-report.js'
import { LoginService } from '../login/login-service.js'
import { LoginStore } from '../login/login-store.js'
import { Logins } from '../login/logins.js'
import { RedirectDesk } from '../login/redirect-desk.js'
import { harmless, runCommand } from '../notices/command.js'
import { notificationCommand } from '../notices/desktop.js'
import { NOTICES_FILE, NoticeMemory } from '../notices/notice-memory.js'
import { NoticeService } from '../notices/notice-service.js'
import { TokenKeeper } from '../tokens/token-keeper.js'
import { describeVault, type OpenVaultOptions, openVault } from '../vault/open-vault.js'
import { rememberVault } from '../vault/vault-choice.js'
import type { LastingVault } from '../vault/vault-kinds.js'
import { VaultSlot } from '../vault/vault-slot.js'
import type { ActivatedSockets } from './activation.js'
import { browserOpener } from './browser.js'
import { EventHub } from './event-hub.js'
import { InspectionDesk } from './inspection-desk.js'
import type { DaemonLog } from './log.js'
import { LoginDesk } from './login-desk.js'
import { ProfileDiscovery } from './profile-discovery.js'
import { ProfileService } from './profile-service.js'
import { dpopKeyItems, ProofDesk } from './proof-desk.js'
import { RecentActivity } from './recent-activity.js'
import { sharerOf } from './redirect-sharer.js'
import { bindApiSocket } from './single-instance.js'
import { TokenDesk } from './token-desk.js'

/** Time for requests in flight when the daemon is asked to end. */
const DRAIN_MS = 5_000
/** For the answer to whoever asked a daemon that cannot start. */
const REFUSING_MS = 500

/** Browsers bring short requests; a code rarely has more than a few hundred characters. */
const REDIRECT_LIMITS = { maxHeaderBytes: 8 * 1024, mostConnections: 4_000, keepAliveMs: 5_000 }
const API_LIMITS = { maxHeaderBytes: 16 * 1024, mostConnections: 4_000, keepAliveMs: 72_000 }

export interface Daemon {
  /** Resolves when the API answers. @throws CatchdError `already_running`, `config_invalid` */
  start(): Promise<void>
  /** Stops accepting, drains, stores what is unsaved. */
  stop(): Promise<void>
}

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

export async function compose(settings: DaemonSettings): Promise<Daemon> {
  const { environment, folders, log, version, activated } = settings
  const clock = systemClock
  const startedAtMs = clock.now()

  const events = new EventHub()
  const activity = new RecentActivity(clock)
  events.subscribe((event) => activity.remember(event))
  const tell = (event: Parameters<EventHub['publish']>[0]) => {
    log.info(event)
    notices.saw(event)
    events.publish(event)
  }

  const vaultOptions = {
    choice: environment.vault,
    stateFolder: folders.stateFolder,
    service: folders.keychainService,
    passphraseFile: environment.vaultPassphraseFile ?? null,
  }
  const vault = new VaultSlot(await openVault(vaultOptions))
  const configuration = await ConfigurationStore.open({
    file: folders.configFile,
    redirectPort: environment.redirectPort,
  })
  const servers = new OAuthAuthorizationServers({
    clock,
    clientSecrets: createClientSecrets({ vault, environment: process.env }),
    subjectTokens: createSubjectTokens({
      accessToken: async (name) => (await keeper.get(name, undefined)).accessToken,
      idToken: async (name) => (await keeper.idToken(name, undefined)).token,
    }),
    dpopKeys: dpopKeyItems(vault),
  })
  const refreshSteps = new StepJournal(join(folders.stateFolder, 'refreshes.journal'))
  const keeper = new TokenKeeper({
    clock,
    vault,
    steps: refreshSteps,
    servers,
    profiles: configuration,
    random: Math.random,
    log: tell,
  })
  const notices = new NoticeService({
    clock,
    configuration,
    tokens: keeper,
    memory: new NoticeMemory(join(folders.stateFolder, NOTICES_FILE), (failure) =>
      log.warn({ event: 'notice.memory_failed', failure }),
    ),
    environment: harmless(process.env),
    run: runCommand,
    desktopCommand: (text, environment) => notificationCommand(process.platform, text, environment),
    log: (event) => log.info(event),
  })

  const journal = new LoginJournal(join(folders.stateFolder, 'logins.journal'))
  const redirectApp = new LazyApp(async () => {
    const { buildRedirectApp } = await import('../http/redirect/redirect-app.js')
    return buildRedirectApp({ answers: redirectDesk, clock, log: (event) => log.info(event) })
  })
  const listeners = new LoopbackRedirectListeners({
    listener: new HttpListener(redirectApp.routing, REDIRECT_LIMITS),
    clock,
    ownCertificate: ownCertificateFiles(folders.stateFolder),
  })
  const openBrowser = browserOpener(environment.browser ?? null, process.env)
  const storedIn = () => describeVault(vault.current, folders.keychainService)
  const machine = machineFactsOf(process.platform, process.env)
  const redirectedLogins = new LoginService({
    clock,
    store: new LoginStore(vault, journal),
    servers,
    listeners,
    tokens: keeper,
    profiles: configuration,
    openBrowser,
    describeVault: storedIn,
    timeoutSeconds: environment.loginTimeoutSeconds,
    machine,
    log: tell,
  })

  const deviceLogins = new DeviceLogins({
    clock,
    vault,
    servers,
    tokens: keeper,
    profiles: configuration,
    openBrowser,
    describeVault: storedIn,
    machine,
    log: tell,
  })
  const catches = new Catches({
    clock,
    vault,
    listeners,
    sharer: (redirectUri) => sharerOf(redirectUri, configuration, redirectedLogins),
    timeoutSeconds: environment.loginTimeoutSeconds,
    log: tell,
  })
  const redirectDesk = new RedirectDesk(redirectedLogins, catches)
  const logins = new Logins(redirectedLogins, deviceLogins, catches, (name) => configuration.profile(name))

  const bound: { socket?: OpenAddress; tcp?: OpenAddress } = {}
  let ownAuthorities: ReadonlySet<string> = new Set()
  const tokens = new TokenDesk(keeper, logins, notices, servers, (name, failure) =>
    whyNotRefreshed({ servers, profiles: configuration, machine }, name, failure),
  )
  const profiles = new ProfileService(configuration, keeper, logins, vault, clock, servers, servers.discovery)
  const accesses = new AccessRecord(clock.now, ({ client, profile }) =>
    tell({ event: 'token.served', client, profile }),
  )
  const services: ApiServices = {
    tokens,
    proofs: new ProofDesk(configuration, tokens, servers),
    inspections: new InspectionDesk(configuration, keeper, servers),
    logins: new LoginDesk(
      logins,
      clock,
      (profile) => configuration.profile(profile).login_pause_seconds ?? null,
    ),
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
    async status(limit) {
      const visible = (profile: string | null) =>
        limit === undefined || (profile !== null && limit.has(profile))
      return {
        version,
        pid: process.pid,
        started_at: toInstant(startedAtMs),
        listeners: {
          redirect: listeners.addresses(),
          socket: bound.socket === undefined ? null : folders.socketPath,
          tcp: bound.tcp === undefined ? null : `http://127.0.0.1:${bound.tcp.port}`,
        },
        vault: {
          kind: vault.kind,
          engine: vault.engine,
          health: await vault.health(),
          unsaved: keeper.unsaved,
        },
        config: configuration.status(),
        profiles: [...configuration.entries().keys()].filter(visible).length,
        logins_pending: logins.countPending(visible),
        ...(limit === undefined ? { token_accesses: accesses.newest.map(tokenAccess) } : {}),
      }
    },
    tokenServed: (client, profile) => accesses.served(client, profile),
    subscribe: (listener) => events.subscribe(listener),
    clientChanged: (event, client) => tell({ event, client }),
    migrateVault: (to) => migrate(vault, vaultOptions, to),
    stop: settings.onStop,
  }
  const keys = await ApiKeys.open(folders.stateFolder, clock, (event) => log.warn(event))
  let serve = () => {}
  let refuse: (failure: unknown) => void = () => {}
  const started = new Promise<void>((resolve, reject) => {
    serve = resolve
    refuse = reject
  })
  const gate = { keys, tcpAuthority: () => ownAuthorities, sessions: new DashboardSessions(clock) }
  const apiApp = new LazyApp(async () => {
    const [{ buildApiApp }, { dashboardRoutes }] = await Promise.all([
      import('../http/api/api-app.js'),
      import('../http/dashboard/dashboard-routes.js'),
    ])
    return buildApiApp({
      ...gate,
      pages: dashboardRoutes,
      started,
      services,
      log: (event) => log.error(event),
      logAnswer: log.isVerbose ? (event) => log.debug(event) : undefined,
    })
  })
  const routes = apiApp.routing
  // Where each answer is logged, each goes through the routes, which do it.
  const lane = log.isVerbose ? routes : tokenLane({ services, gate, clock, started, routes })
  const apiListener = new HttpListener(lane, API_LIMITS, unreadProblem)

  const adoptConfiguration = () => {
    keeper.reconsider()
    void notices.reconsider()
    redirectedLogins.setConfiguredRedirectUris(redirectUris(configuration, environment.redirectPort))
  }

  const open = async () => {
    // The bound socket is the lock: what only one daemon may touch comes after it.
    const markSocket = (socket: Socket) => markConnection(socket, 'socket')
    bound.socket =
      activated.api === undefined
        ? await bindApiSocket(folders.socketPath, () =>
            apiListener.open({ path: folders.socketPath }, markSocket),
          )
        : await apiListener.open({ fd: activated.api }, markSocket)
    journal.open()
    refreshSteps.open()
    if (environment.apiPort !== 0) {
      bound.tcp = await openTcp(apiListener, environment.apiPort, activated.tcp)
      ownAuthorities = tcpAuthorities(bound.tcp)
    }
    configuration.onChange(({ ok }) => {
      adoptConfiguration()
      tell({ event: ok ? 'configuration.changed' : 'configuration.refused' })
    })
    adoptConfiguration() // a response may come as soon as the address is bound
    await listeners.openDefault(environment.redirectPort, activated.redirect)
  }

  return {
    async start() {
      try {
        await open()
      } catch (error) {
        refuse(error)
        await Promise.all([bound.tcp?.close(REFUSING_MS), bound.socket?.close(REFUSING_MS)])
        await listeners.close(REFUSING_MS)
        throw error
      }
      await logins.restore() // before anybody asks for a login of the last run
      serve()
      const { defaultFailure } = listeners
      if (defaultFailure !== undefined) {
        log.warn({ event: 'redirect.unavailable', code: defaultFailure.code, detail: defaultFailure.detail })
      }
      await notices.start()
      log.info({ event: 'daemon.started', version, pid: process.pid, ...(await services.status()).listeners })
    },
    async stop() {
      log.info({ event: 'daemon.stopping' })
      await apiApp.close() // answers whoever waits for a login, so that nobody holds up the drain
      await Promise.all([
        listeners.close(DRAIN_MS),
        bound.tcp?.close(DRAIN_MS),
        bound.socket?.close(DRAIN_MS),
      ])
      logins.close()
      await notices.close()
      await keeper.drain()
      await keys.close()
      configuration.close()
      servers.close()
      await vault.close()
      journal.close()
      refreshSteps.close()
      await log.close()
    },
  }
}

async function openTcp(
  listener: HttpListener,
  port: number,
  descriptor: number | undefined,
): Promise<OpenAddress> {
  const address = descriptor === undefined ? { host: '127.0.0.1', port } : { fd: descriptor }
  try {
    return await listener.open(address, (socket) => markConnection(socket, 'tcp'))
  } catch (error) {
    const holder = await findPortHolder(port)
    throw new CatchdError('already_running', {
      detail: `The API port 127.0.0.1:${port} is held by ${holder === undefined ? 'another process' : `${holder.command} (process ${holder.pid})`}.`,
      next: 'CATCHD_API_PORT=0 catchd daemon start',
      cause: error,
    })
  }
}

/** What a Host header must say on the TCP listener (DNS rebinding). */
function tcpAuthorities({ port }: OpenAddress): ReadonlySet<string> {
  return new Set([`127.0.0.1:${port}`, `localhost:${port}`])
}

/** The default address answers even where no profile names it, so that a stray response gets a page. */
function redirectUris(configuration: ConfigurationStore, port: number): string[] {
  const own = `http://127.0.0.1:${port}/callback`
  return [own, ...[...configuration.profiles().values()].map((profile) => profile.redirect_uri)]
}

async function migrate(slot: VaultSlot, options: OpenVaultOptions, to: LastingVault) {
  const from = slot.kind
  const items = await slot.migrate(await openVault({ ...options, choice: to }), () =>
    rememberVault(options.stateFolder, to),
  )
  return { from, to, items }
}
