/**
 * The connection that a client makes its calls over: which daemon, with which key, for how long, and what happens when it
 * is not there. Internal: the command line brings a start of its own.
 */
import type { IncomingMessage } from 'node:http'
import { findSocketPath } from '../socket-path.js'
import { NothingListens } from './daemon-error.js'
import type { CatchdClientOptions } from './options.js'
import { type Answer, type Exchange, Transport } from './transport.js'

export interface ConnectionOptions extends Omit<CatchdClientOptions, 'start'> {
  /** Called when nothing listens and nothing was sent; when it resolves, the call is made once more. */
  readonly onNothingListens?: (() => Promise<void>) | undefined
}

export class DaemonConnection {
  readonly signal: AbortSignal | undefined
  readonly #transport: Transport
  readonly #onNothingListens: (() => Promise<void>) | undefined

  constructor({ socketPath, url, apiKey, timeoutMs, signal, onNothingListens }: ConnectionOptions) {
    this.signal = signal
    this.#transport = new Transport({ socketPath: socketPath ?? findSocketPath(), url, apiKey, timeoutMs })
    this.#onNothingListens = onNothingListens
  }

  /**
   * Any call of the API.
   *
   * @throws CatchdError the daemon's own, or `daemon_unreachable`; what the signal was aborted with
   */
  request(call: Exchange): Promise<Answer> {
    const complete = { ...call, signal: call.signal ?? this.signal }
    return this.#startingIt(() => this.#transport.exchange(complete))
  }

  /** The JSON of an answer that has some. @throws as {@link request} does */
  async json<Body>(call: Exchange): Promise<Body> {
    return this.#transport.contentOf(await this.request(call)) as Body
  }

  /** An answer that goes on. @param mayStart - Whether a daemon that is not there is started. */
  stream(path: string, signal: AbortSignal | undefined, mayStart: boolean): Promise<IncomingMessage> {
    const open = () => this.#transport.stream(path, signal)
    return mayStart ? this.#startingIt(open) : open()
  }

  /** Closes idle connections; they do not keep the process alive either way. */
  close(): void {
    this.#transport.close()
  }

  /** Once more, after the daemon was started where that is wanted. */
  async #startingIt<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof NothingListens) || this.#onNothingListens === undefined) throw error
      await this.#onNothingListens()
      return call()
    }
  }
}

/** What a program asks for; `CATCHD_URL` and `CATCHD_API_KEY` stand in for what it leaves out. */
export function connectionFor({ start, ...options }: CatchdClientOptions): DaemonConnection {
  const { CATCHD_URL, CATCHD_API_KEY } = process.env
  const isDefault = options.socketPath === undefined && options.url === undefined
  const url = options.url ?? (isDefault && CATCHD_URL ? CATCHD_URL : undefined)
  const apiKey = options.apiKey ?? (CATCHD_API_KEY ? CATCHD_API_KEY : undefined)
  return new DaemonConnection({
    ...options,
    ...(url === undefined ? {} : { url }),
    ...(apiKey === undefined ? {} : { apiKey }),
    onNothingListens: start && isDefault && url === undefined ? startDaemon : undefined,
  })
}

async function startDaemon(): Promise<void> {
  const { startDaemon: start } = await import('./program-start.js')
  await start()
}
