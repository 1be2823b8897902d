/** HTTP by hand over a plain socket: what no well-behaved client would send. */
import { connect, type Socket } from 'node:net'

/** One answer, split; `status` 0 when the connection ended without one. */
export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  readonly text: string
}

/** Sends bytes and reads until the server closes. */
export function exchange(port: number, bytes: string | Buffer, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(bytes))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A server that closes while we still write resets the connection; what it said before counts.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve(text)
      else reject(error)
    })
    socket.on('close', () => resolve(text))
  })
}

export async function ask(port: number, bytes: string | Buffer, host = '127.0.0.1'): Promise<RawAnswer> {
  return readAnswer(await exchange(port, bytes, host))
}

/** The first answer of a connection's text. */
export function readAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers,
    body: rest.join('\r\n\r\n'),
    text,
  }
}

export interface RawRequest {
  readonly method?: string
  readonly target: string
  readonly version?: string
  /** `null`: no Host header. */
  readonly host: string | null
  readonly headers?: readonly string[]
  readonly body?: string
}

export function rawRequest({
  method = 'GET',
  target,
  version = '1.1',
  host,
  headers = [],
  body,
}: RawRequest) {
  const lines = [
    `${method} ${target} HTTP/${version}`,
    ...(host === null ? [] : [`Host: ${host}`]),
    ...headers,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    'Connection: close',
    '',
    body ?? '',
  ]
  return lines.join('\r\n')
}

/** Connects and leaves a request unfinished. */
export function dawdle(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /callback/gw?code=')
      resolve(socket)
    })
    socket.once('error', reject)
    socket.on('error', () => {})
  })
}
