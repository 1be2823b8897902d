/** The reference: a server of node:http in a process of its own that answers the same bytes and checks nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { withoutExtraAuthorities } from './processes.js'

export interface BareServer {
  readonly pid: number
  readonly port: number
  readonly socketPath: string
  stop(): void
}

/** @param headers - Beside Content-Length, Date and Connection, which every answer has. */
export async function startBareServer(
  body: string,
  headers: Readonly<Record<string, string>>,
  socketPath: string,
): Promise<BareServer> {
  const script = `
    const { createServer } = require('node:http')
    const body = ${JSON.stringify(body)}
    const headers = { ...${JSON.stringify(headers)}, 'content-length': Buffer.byteLength(body) }
    const serve = (request, response) => response.writeHead(200, headers).end(body)
    createServer(serve).listen(${JSON.stringify(socketPath)})
    const tcp = createServer(serve).listen(0, '127.0.0.1', () => console.log(tcp.address().port))`
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withoutExtraAuthorities(process.env),
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { pid: child.pid ?? 0, port: Number(line.toString()), socketPath, stop: () => child.kill() }
}
