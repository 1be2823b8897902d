/**
 * The connections to authorization servers, for the rest of the module.
 *
 * server-exchanges.ts does the exchanges. It needs TLS, certificate authorities and proxies, so it is loaded when first
 * used: a daemon that only serves fresh tokens sends no request to a server.
 */
import type { ServerAnswer, ServerExchanges, ServerRequest } from './server-exchanges.js'

/** The time limit for the answer of a server. */
export const DEADLINE_MS = 10_000

export class ServerConnections {
  readonly deadlineMs: number
  readonly #env: NodeJS.ProcessEnv
  #loading: Promise<ServerExchanges> | undefined

  /** @param env - The variables for the proxy (proxy-choice.ts) and for additional CAs (`SSL_CERT_FILE`). */
  constructor(deadlineMs = DEADLINE_MS, env: NodeJS.ProcessEnv = process.env) {
    this.deadlineMs = deadlineMs
    this.#env = env
  }

  /**
   * @throws CatchdError `provider_unreachable` if there is no answer in time, `provider_answer_invalid` for an answer that
   *   is not HTTP, is incomplete, cannot be decoded or is larger than 1 MiB, `profile_invalid` for plain http to a host
   *   other than loopback or an unusable `ca_file`
   */
  async exchange(url: string, request: ServerRequest, caFile: string | undefined): Promise<ServerAnswer> {
    this.#loading ??= this.#load()
    return (await this.#loading).exchange(url, request, caFile)
  }

  /** Ends the running exchanges. */
  close(): void {
    void this.#loading?.then((exchanges) => exchanges.close())
  }

  async #load(): Promise<ServerExchanges> {
    const { ServerExchanges } = await import('./server-exchanges.js')
    return new ServerExchanges(this.deadlineMs, this.#env)
  }
}
