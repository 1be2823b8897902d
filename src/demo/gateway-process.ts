/**
 * Runs the demo gateway in a separate process, so that it can keep running after the demo ends (`--keep`).
 *
 * Parent and child use the IPC channel: the child reports its address and each token request. The parent passes the
 * redirect URI to register on the command line.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { CatchdError } from '../failures.js'
import type { RecordedTokenRequest } from './gateway-wire.js'

export interface RunningGateway {
  readonly baseUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly user: { readonly name: string; readonly password: string }
  readonly resourceUrl: string
  readonly pid: number
  /** Token requests so far, oldest first. */
  readonly tokenRequests: readonly RecordedTokenRequest[]
  /** Lets the gateway keep running after this process ends. */
  release(): void
  stop(): void
}

type FromChild =
  | ({ readonly type: 'listening' } & Pick<
      RunningGateway,
      'baseUrl' | 'clientId' | 'clientSecret' | 'user' | 'resourceUrl'
    >)
  | { readonly type: 'token_request'; readonly request: RecordedTokenRequest }

/**
 * @param arguments_ - The command line with which this program calls {@link serveGateway}.
 * @throws CatchdError `internal` if the process ends before it listens
 */
export async function startGatewayProcess(
  arguments_: readonly string[],
  redirectUri: string,
): Promise<RunningGateway> {
  const child = fork(process.argv[1] ?? '', [...arguments_, redirectUri], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const tokenRequests: RecordedTokenRequest[] = []
  const listening = await firstMessage(child)
  child.on('message', (message: FromChild) => {
    if (message.type === 'token_request') tokenRequests.push(message.request)
  })
  const { baseUrl, clientId, clientSecret, user, resourceUrl } = listening
  return {
    baseUrl,
    clientId,
    clientSecret,
    user,
    resourceUrl,
    pid: child.pid ?? 0,
    tokenRequests,
    release() {
      child.disconnect()
      child.unref()
    },
    stop() {
      child.kill()
    },
  }
}

async function firstMessage(child: ChildProcess): Promise<FromChild & { type: 'listening' }> {
  const exited = once(child, 'exit').then(() => {
    throw new CatchdError('internal', 'The demo gateway did not start.')
  })
  const [message] = (await Promise.race([once(child, 'message'), exited])) as [FromChild]
  exited.catch(() => {})
  if (message.type !== 'listening')
    throw new CatchdError('internal', 'The demo gateway did not report its address.')
  return message
}

/** The child's side. Serves until it is killed, or until its parent ends without calling `release`. */
export async function serveGateway(redirectUri: string): Promise<void> {
  const { startGateway } = await import('./gateway.js')
  const gateway = await startGateway({
    redirectUris: [redirectUri],
    refreshTokens: true,
    onTokenRequest: (request) => sendToParent({ type: 'token_request', request }),
  })
  const [user] = gateway.users
  const { baseUrl, clientId, clientSecret, resourceUrl } = gateway
  sendToParent({ type: 'listening', baseUrl, clientId, clientSecret: clientSecret ?? '', user, resourceUrl })
  process.once('SIGTERM', () => void gateway.close())
  process.channel?.unref()
}

function sendToParent(message: FromChild): void {
  if (process.connected) process.send?.(message)
}
