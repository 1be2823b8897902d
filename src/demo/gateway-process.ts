/**
 * The demo gateway in a process of its own, so that it can stay when the demo has ended (`--keep`).
 *
 * Parent and child speak over the IPC channel: the child says where it listens and shows each token request,
 * the parent names the redirect URI to register.
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
  /** Lets go of it: it serves on without this process. */
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
 * @param arguments_ - The command line under which this program calls {@link serveGateway}.
 * @throws CatchdError `internal` when the process ends before it listens
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
    throw new CatchdError('internal', 'The demo gateway did not say where it is.')
  return message
}

/** The child's side: serves until it is killed, or until its parent ends without having let go. */
export async function serveGateway(redirectUri: string): Promise<void> {
  const { startGateway } = await import('./gateway.js')
  const gateway = await startGateway({
    redirectUris: [redirectUri],
    refreshTokens: true,
    onTokenRequest: (request) => tell({ type: 'token_request', request }),
  })
  const [user] = gateway.users
  const { baseUrl, clientId, clientSecret, resourceUrl } = gateway
  tell({ type: 'listening', baseUrl, clientId, clientSecret: clientSecret ?? '', user, resourceUrl })
  process.once('SIGTERM', () => void gateway.close())
  process.channel?.unref()
}

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message)
}
