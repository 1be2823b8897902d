/** Logins of both sides, with the browser's part played here: until its page is there, until the command returned. */
import { Agent } from 'node:http'
import { performance } from 'node:perf_hooks'
import { type Daemon, navigate } from '../../../test/support/daemon.js'
import { redirectTarget } from '../../../test/support/http-client.js'
import type { OidcProvider } from '../../../test/support/oidc-provider.js'
import { environment, PROGRAM } from '../../../test/support/program.js'
import { type Comparison, median } from '../rounds.js'
import type { OidcAgent } from './agent.js'
import { beginLogin, type LoginCommand } from './login-command.js'
import { ServerTime } from './server-time.js'

/** In each round. */
const LOGINS = 5

export class LoginRows {
  readonly #server: OidcProvider
  readonly #peer: OidcAgent
  readonly #serverTime: ServerTime

  constructor(server: OidcProvider, peer: OidcAgent) {
    this.#server = server
    this.#peer = peer
    this.#serverTime = new ServerTime(Number(new URL(server.issuer).port))
  }

  stop(): void {
    this.#serverTime.stop()
  }

  /** @returns The account's short name. */
  async logInPeer(): Promise<string> {
    const login = await this.#beginAtPeer()
    await this.#pageMs(await this.#approve(login.authorizationUrl))
    await login.returned
    return login.name
  }

  /** Less what the server took for the requests of either side. The keyring belongs to the daemon. */
  untilPage(daemon: Daemon): Comparison {
    return {
      what: 'redirect → page, token set in a real keyring, without the server',
      against: "oidc-agent's callback → page",
      unit: 'ms',
      ours: async () => {
        const times: number[] = []
        for (let count = 0; count < LOGINS; count++) times.push(await this.#pageOfCatchdMs(daemon))
        return median(times)
      },
      reference: () => this.#pageOfPeerMs(),
      goal: { most: 1 },
    }
  }

  async #pageOfCatchdMs(daemon: Daemon): Promise<number> {
    const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
    const took = await this.#pageMs(await this.#approve(String(begun.json['authorization_url'])))
    const { json, text } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)
    if (json['status'] !== 'succeeded')
      throw new Error(`The page was shown, and the login is not done: ${text}`)
    return took
  }

  /** The logins are begun at once, because each of its commands returns seconds after the page. */
  async #pageOfPeerMs(): Promise<number> {
    const logins: LoginCommand[] = []
    for (let count = 0; count < LOGINS; count++) logins.push(await this.#beginAtPeer())
    const responses: string[] = []
    for (const login of logins) responses.push(await this.#approve(login.authorizationUrl))
    const times: number[] = []
    for (const response of responses) times.push(await this.#pageMs(response))
    await Promise.all(logins.map(({ returned }) => returned))
    return median(times)
  }

  untilReturned(daemon: Daemon): Comparison {
    const env = environment({ HOME: daemon.home, CATCHD_HOME: daemon.home, CATCHD_BROWSER: 'none' })
    const returnedMs = async ({ authorizationUrl, returned }: LoginCommand) => {
      const response = await this.#approve(authorizationUrl)
      const startedAt = performance.now()
      await this.#pageMs(response)
      await returned
      return performance.now() - startedAt
    }
    return {
      what: '`catchd login` returns after the redirect',
      against: '`oidc-gen`',
      unit: 'ms',
      ours: async () =>
        returnedMs(await beginLogin('gw', process.execPath, [PROGRAM, 'login', 'gw', '--no-browser'], env)),
      reference: async () => returnedMs(await this.#beginAtPeer()),
      goal: { most: 0.02 },
      rounds: 5,
    }
  }

  #beginAtPeer(): Promise<LoginCommand> {
    const { issuer, clientId, clientSecret } = this.#server
    return this.#peer.beginLogin({ issuer, clientId, clientSecret: clientSecret ?? '' })
  }

  /** The authorization response, with the address in place of a name that would have to be looked up. */
  async #approve(authorizationUrl: string): Promise<string> {
    const response = await this.#server.approveByRedirect(authorizationUrl)
    return response.replace('http://localhost:', 'http://127.0.0.1:')
  }

  /** As a browser: over one connection, to the page at the end. @returns Milliseconds, without the server's */
  async #pageMs(response: string): Promise<number> {
    const browser = new Agent({ keepAlive: true, maxSockets: 1 })
    const serverMs = this.#serverTime.busyMs
    const startedAt = performance.now()
    let url = response
    let answer = await navigate(url, { agent: browser })
    for (let next = redirectTarget(answer, url); next !== undefined; next = redirectTarget(answer, url)) {
      url = next
      answer = await navigate(url, { agent: browser })
    }
    const took = performance.now() - startedAt - (this.#serverTime.busyMs - serverMs)
    browser.destroy()
    if (answer.status !== 200) throw new Error(`The browser was shown ${answer.status}: ${answer.body}`)
    return took
  }
}
