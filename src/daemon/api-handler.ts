/**
 * The handler behind the API's listeners: fresh tokens at once, everything else by the routes, which are loaded with the
 * first request that needs them. Requests that come before the daemon has started wait until it has, or has failed.
 */
import type { Clock } from '../clock.js'
import { freshTokenHandler } from '../fast-path/fresh-token-handler.js'
import { LazyApp } from '../fast-path/lazy-app.js'
import type { ApiKeys } from '../http/access/api-keys.js'
import { DashboardSessions } from '../http/access/sessions.js'
import type { ApiServices } from '../http/api/services.js'
import { unreadProblem } from '../http/api/unread-problem.js'
import { HttpListener } from '../http/http-listener.js'
import type { ApiListeners } from './api-listeners.js'
import type { DaemonLog } from './log.js'

const API_LIMITS = { maxHeaderBytes: 16 * 1024, mostConnections: 4_000, keepAliveMs: 72_000 }

export interface ApiHandlerParts {
  readonly clock: Clock
  readonly log: DaemonLog
  readonly keys: ApiKeys
  readonly services: ApiServices
  readonly listeners: Pick<ApiListeners, 'authorities'>
}

export class ApiHandler {
  readonly listener: HttpListener
  readonly #app: LazyApp
  #serve = () => {}
  #refuse: (failure: unknown) => void = () => {}

  constructor({ clock, log, keys, services, listeners }: ApiHandlerParts) {
    const started = new Promise<void>((resolve, reject) => {
      this.#serve = resolve
      this.#refuse = reject
    })
    const gate = { keys, tcpAuthority: () => listeners.authorities, sessions: new DashboardSessions(clock) }
    this.#app = new LazyApp(async () => {
      const [{ buildApiApp }, { dashboardRoutes }] = await Promise.all([
        import('../http/api/api-app.js'),
        import('../http/dashboard/dashboard-routes.js'),
      ])
      return buildApiApp({
        ...gate,
        pages: dashboardRoutes,
        clock,
        started,
        services,
        log: (event) => log.error(event),
        logAnswer: log.isVerbose ? (event) => log.debug(event) : undefined,
      })
    })
    const routes = this.#app.routing
    // Where each answer is logged, each goes through the routes, which do it.
    const handler = log.isVerbose ? routes : freshTokenHandler({ services, gate, clock, started, routes })
    this.listener = new HttpListener(handler, API_LIMITS, unreadProblem)
  }

  /** From now on requests are answered, those that wait first. */
  serve(): void {
    this.#serve()
  }

  /** The daemon cannot start: requests that wait are answered with why. */
  refuse(failure: unknown): void {
    this.#refuse(failure)
  }

  /** Ends the calls that wait for a login with how that login stands, so that nobody holds up the drain. */
  async close(): Promise<void> {
    await this.#app.close()
  }
}
