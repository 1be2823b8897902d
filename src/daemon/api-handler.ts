/**
 * The handler of the API's listeners: answers requests for fresh tokens at once, everything else with the routes, which are
 * loaded with the first request that needs them. Requests that arrive before the daemon has started, or failed, wait.
 */
import { freshTokenHandler } from '../fast-path/fresh-token-handler.js'
import { LazyApp } from '../fast-path/lazy-app.js'
import type { ApiKeys } from '../http/access/api-keys.js'
import { answerChallenges } from '../http/access/challenges.js'
import { DashboardSessions } from '../http/access/sessions.js'
import type { ApiServices } from '../http/api/services.js'
import { unreadProblem } from '../http/api/unread-problem.js'
import { HttpListener } from '../http/http-listener.js'
import type { DaemonParts } from './parts.js'

const API_LIMITS = { maxHeaderBytes: 16 * 1024, mostConnections: 4_000, keepAliveMs: 72_000 }

export interface ApiHandlerParts extends Pick<DaemonParts, 'clock' | 'log' | 'listeners'> {
  readonly keys: ApiKeys
  readonly services: ApiServices
}

export class ApiHandler {
  readonly listener: HttpListener
  readonly #app: LazyApp
  /** Answers the requests that wait, and from now on every request. */
  serve = () => {}
  /** The daemon cannot start: requests get this failure. */
  refuse: (failure: unknown) => void = () => {}

  constructor({ clock, log, keys, services, listeners }: ApiHandlerParts) {
    const started = new Promise<void>((resolve, reject) => {
      this.serve = resolve
      this.refuse = reject
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
        logAnswer: (event) => log.debug(event),
      })
    })
    const routes = this.#app.routing
    // A verbose log has every answer, and the routes write it.
    const fast = freshTokenHandler({ services, gate, clock, started, routes })
    const handler: typeof routes = (request, response) => (log.isVerbose ? routes : fast)(request, response)
    this.listener = new HttpListener(answerChallenges(gate, handler), API_LIMITS, unreadProblem)
  }

  /** Answers the calls that wait for a login with its current state, so that they do not delay the stop. */
  close(): Promise<void> {
    return this.#app.close()
  }
}
