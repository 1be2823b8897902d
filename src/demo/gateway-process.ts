/**
 * Runs the demo gateway in a separate process, so that it can keep running after the demo ends (`--keep`).
 *
 * The child reports its address and then each token request over the IPC channel. The parent passes the redirect URI to
 * register on the command line.
 */
import { fork } from 'node:child_process'
import { CatchdError } from '../failures.js'
import { nodeOptions, withoutLoaders } from '../process/own-processes.js'
import type { GatewayUser } from './gateway-rules.js'
import type { RecordedTokenRequest } from './gateway-wire.js'

interface GatewayAddress {
  readonly baseUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly user: GatewayUser
  readonly resourceUrl: string
}

export interface RunningGateway extends GatewayAddress {
  readonly pid: number
  /** Token requests so far, oldest first. */
  readonly tokenRequests: readonly RecordedTokenRequest[]
  /** Lets the gateway keep running after this process ends. */
  release(): void
  stop(): void
}

/** @throws CatchdError `internal` if the process ends before it listens */
export async function startGatewayProcess(redirectUri: string): Promise<RunningGateway> {
  // The command line calls serveGateway for these arguments.
  const program = process.argv[1] ?? ''
  const child = fork(program, ['demo', '--serve-gateway', redirectUri], {
    execArgv: [...nodeOptions(program)],
    env: withoutLoaders(process.env),
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const tokenRequests: RecordedTokenRequest[] = []
  const address = await new Promise<GatewayAddress>((resolve, reject) => {
    child.once('exit', () => reject(new CatchdError('internal', 'The demo gateway did not start.')))
    child.on('message', (message: GatewayAddress | RecordedTokenRequest) => {
      if ('baseUrl' in message) resolve(message)
      else tokenRequests.push(message)
    })
  })
  return {
    ...address,
    pid: child.pid ?? 0,
    tokenRequests,
    release() {
      child.send(RELEASED, () => child.disconnect())
      child.unref()
    },
    stop() {
      child.kill()
    },
  }
}

/** The parent's last message: the gateway goes on without it. */
const RELEASED = 'released'

/** The child's side. Serves until it is killed, or until its parent ends without calling `release`. */
export async function serveGateway(redirectUri: string): Promise<void> {
  const report = (message: GatewayAddress | RecordedTokenRequest) => {
    if (process.connected) process.send?.(message)
  }
  const { startGateway } = await import('./gateway.js')
  const gateway = await startGateway({
    redirectUris: [redirectUri],
    refreshTokens: true,
    onTokenRequest: report,
  })
  const { baseUrl, clientId, clientSecret, resourceUrl, users } = gateway
  report({ baseUrl, clientId, clientSecret: clientSecret ?? '', user: users[0], resourceUrl })
  process.once('SIGTERM', () => void gateway.close())
  let isReleased = false
  process.once('message', () => {
    isReleased = true
  })
  process.once('disconnect', () => {
    if (!isReleased) void gateway.close()
  })
  process.channel?.unref()
}
