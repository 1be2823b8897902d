/**
 * What every command gets: the parsed environment, the folders, and a client that starts the daemon when it is
 * needed and not there.
 */
import { CatchdClient } from '../client/client.js'
import { DaemonConnection } from '../client/daemon-connection.js'
import type { CatchdClientOptions } from '../client/options.js'
import { type Environment, parseEnvironment } from '../config/environment.js'
import { type Folders, resolveFolders } from '../config/folders.js'
import { interruption } from './interruption.js'

export class Context {
  /** The program itself, for starting it again as the daemon. */
  readonly mainFile: string
  #environment: Environment | undefined
  #folders: Folders | undefined
  #client: CatchdClient | undefined
  #watchingClient: CatchdClient | undefined

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

  /** Ends every wait of the command when a person interrupts it. */
  get signal(): AbortSignal {
    return interruption()
  }

  /** Over the socket it starts the daemon; over TCP it cannot. */
  get client(): CatchdClient {
    this.#client ??= new CatchdClient(
      new DaemonConnection({
        ...this.#address(),
        onNothingListens: this.environment.url === undefined ? () => this.#startDaemon() : undefined,
      }),
    )
    return this.#client
  }

  /** The same daemon, but nothing is started. */
  get watchingClient(): CatchdClient {
    this.#watchingClient ??= new CatchdClient(this.#address())
    return this.#watchingClient
  }

  /** The daemon of this home, over its socket, as it is: nothing is started. */
  localClient(): CatchdClient {
    return new CatchdClient({ socketPath: this.folders.socketPath, signal: this.signal })
  }

  #address(): CatchdClientOptions {
    const { url, apiKey } = this.environment
    if (url === undefined) return { socketPath: this.folders.socketPath, signal: this.signal }
    return { url, signal: this.signal, apiKey: apiKey?.reveal() }
  }

  async #startDaemon(): Promise<void> {
    const { startDaemon } = await import('./daemon-start.js')
    await startDaemon(this)
  }
}
