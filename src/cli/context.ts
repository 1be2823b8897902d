/**
 * What every command uses: the environment, the folders, the signal of Ctrl-C, and a client that starts the daemon if it
 * is not running.
 */
import { once, setMaxListeners } from 'node:events'
import { constants } from 'node:os'
import { CatchdClient } from '../client/client.js'
import { DaemonConnection } from '../client/daemon-connection.js'
import type { CatchdClientOptions } from '../client/options.js'
import { type Environment, parseEnvironment } from '../config/environment.js'
import { type Folders, resolveFolders } from '../config/folders.js'
import { daemonSettings, readSettings, type Settings } from '../config/settings.js'

export class Context {
  /** The program itself, to start it again as the daemon. */
  readonly mainFile: string
  #environment: Environment | undefined
  #folders: Folders | undefined
  #client: CatchdClient | undefined
  #watchingClient: CatchdClient | undefined
  #interruption: AbortController | undefined

  constructor(mainFile: string) {
    this.mainFile = mainFile
  }

  /** @throws CatchdError `config_invalid` */
  get environment(): Environment {
    this.#environment ??= parseEnvironment(process.env)
    return this.#environment
  }

  /** @throws CatchdError `config_invalid` */
  get folders(): Folders {
    this.#folders ??= resolveFolders(this.environment)
    return this.#folders
  }

  /** The settings of the daemon, as this environment and the file have them now. */
  async settings(): Promise<Settings> {
    return daemonSettings(this.environment, (await readSettings(this.folders.configFile)).section)
  }

  /** Aborted with {@link Interrupted} by Ctrl-C and similar signals. A second Ctrl-C ends the program at once. */
  get signal(): AbortSignal {
    if (this.#interruption === undefined) {
      // Not earlier, because some commands handle these signals themselves.
      const controller = new AbortController()
      setMaxListeners(0, controller.signal) // one for each call, and the proxy makes many at a time
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.once(signal, () => controller.abort(new Interrupted(signal)))
      }
      this.#interruption = controller
    }
    return this.#interruption.signal
  }

  /** @throws Interrupted */
  async untilInterrupted(): Promise<never> {
    if (!this.signal.aborted) await once(this.signal, 'abort')
    throw this.signal.reason
  }

  /** Starts the daemon if it uses the socket. Over TCP it cannot. */
  get client(): CatchdClient {
    this.#client ??= new CatchdClient(
      new DaemonConnection({
        ...this.#address(),
        onNothingListens:
          this.environment.url === undefined
            ? async () => (await import('./daemon.js')).startDaemon(this)
            : undefined,
      }),
    )
    return this.#client
  }

  /** The same daemon, but never starts it. */
  get watchingClient(): CatchdClient {
    this.#watchingClient ??= new CatchdClient(this.#address())
    return this.#watchingClient
  }

  /** The daemon of this home, over its socket. Never starts it. */
  localClient(): CatchdClient {
    return new CatchdClient({ socketPath: this.folders.socketPath, signal: this.signal })
  }

  #address(): CatchdClientOptions {
    const { url, apiKey } = this.environment
    if (url === undefined) return { socketPath: this.folders.socketPath, signal: this.signal }
    return { url, signal: this.signal, apiKey: apiKey?.reveal() }
  }
}

/** The reason of {@link Context.signal}. */
export class Interrupted extends Error {
  /** As in shells: 128 and the number of the signal, so 130 for SIGINT. */
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`)
    this.exitCode = 128 + constants.signals[signal]
  }
}
