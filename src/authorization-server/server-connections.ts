/**
 * The connections to authorization servers, as the rest of the room sees them.
 *
 * How an exchange goes is server-exchanges.ts. It brings TLS, certificate authorities and proxies, and is loaded when it is
 * first needed: a daemon that hands out tokens which are fresh asks no server.
 */
import type { ServerExchanges } from './server-exchanges.js'

/** A server that answers later than this is given up. */
export const DEADLINE_MS = 10_000
export interface ServerRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** The answer's body is not waited for: it may be a stream without an end. */
  readonly headOnly?: boolean
  /** What is presented where the server asks for a certificate (RFC 8705); both in PEM form. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined
}

export interface ServerAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty for a redirect, which nobody follows, and where only the head was asked for. */
  readonly body: string
}

export class ServerConnections {
  readonly #deadlineMs: number
  readonly #env: NodeJS.ProcessEnv
  #loading: Promise<ServerExchanges> | undefined

  /** @param env - Names the proxy (proxy-choice.ts) and CAs beyond Node's (`SSL_CERT_FILE`). */
  constructor(deadlineMs = DEADLINE_MS, env: NodeJS.ProcessEnv = process.env) {
    this.#deadlineMs = deadlineMs
    this.#env = env
  }

  /**
   * @throws CatchdError `provider_unreachable` when nothing was answered in time, `provider_answer_invalid` for an
   *   answer that is no HTTP, breaks off, cannot be decoded or is over 1 MiB, `profile_invalid` for plain http
   *   beyond loopback or an unusable `ca_file`
   */
  async exchange(url: string, request: ServerRequest, caFile: string | undefined): Promise<ServerAnswer> {
    this.#loading ??= this.#load()
    return (await this.#loading).exchange(url, request, caFile)
  }

  /** Ends the exchanges under way. */
  close(): void {
    void this.#loading?.then((exchanges) => exchanges.close())
  }

  async #load(): Promise<ServerExchanges> {
    const { ServerExchanges } = await import('./server-exchanges.js')
    return new ServerExchanges(this.#deadlineMs, this.#env)
  }
}
