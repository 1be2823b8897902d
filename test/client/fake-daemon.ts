/**
 * An API that answers as a test says, on a unix socket in a home of its own or on a loopback port, and remembers
 * what it was asked. It checks nothing: the real API has its own tests.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** Parsed JSON, or `undefined` without a body. */
  readonly body: unknown
}

export interface Reply {
  readonly status?: number
  /** JSON; text is sent as it is; without it the answer is empty. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Never answers. */
  readonly silent?: true
  /** Sent as it is instead of an answer; the connection stays open. */
  readonly raw?: string
  /** Closes the connection instead of answering. */
  readonly reset?: true
}

export type Route = (asked: Asked) => Reply | Promise<Reply>

/** Routes by `METHOD /path`. What has none is 404 `route_unknown`. */
export type Routes = Record<string, Route | Reply>

export class FakeDaemon {
  /** For CATCHD_HOME. */
  readonly home: string
  readonly routes: Routes
  readonly asked: Asked[] = []
  readonly #server: Server

  constructor(routes: Routes) {
    this.home = mkdtempSync(join(tmpdir(), 'catchd-cli-'))
    this.routes = routes
    this.#server = createServer((request, response) => {
      void this.#answer(request).then((reply) => {
        if (reply.silent) return
        if (reply.raw !== undefined) {
          request.socket.write(reply.raw)
          return
        }
        if (reply.reset) {
          request.socket.destroy()
          return
        }
        const status = reply.status ?? (reply.body === undefined ? 204 : 200)
        const type = status >= 400 ? 'application/problem+json' : 'application/json'
        const text = typeof reply.body === 'string' ? reply.body : (JSON.stringify(reply.body) ?? '')
        const length = { 'content-length': Buffer.byteLength(text) }
        response.writeHead(status, { 'content-type': type, ...length, ...reply.headers }).end(text)
      })
    })
  }

  get socketPath(): string {
    return join(this.home, 'run', 'catchd.sock')
  }

  /** `METHOD /path` of all requests so far. */
  get calls(): string[] {
    // After a failure the command line asks for the status, to compare settings.
    const isNote = (call: string) => call === 'GET /v1/status' && this.routes[call] === undefined
    return this.asked.map(({ method, path }) => `${method} ${path}`).filter((call) => !isNote(call))
  }

  async listenOnSocket(): Promise<void> {
    await mkdir(join(this.home, 'run'), { recursive: true, mode: 0o700 })
    await new Promise<void>((resolve) => this.#server.listen(this.socketPath, resolve))
  }

  /** @returns The URL. */
  async listenOnTcp(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.home, { recursive: true, force: true })
  }

  /** As a restarted daemon does to its clients. */
  closeIdleConnections(): void {
    this.#server.closeIdleConnections()
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const url = new URL(request.url ?? '', 'http://localhost')
    const text = await readAll(request)
    const asked: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
    this.asked.push(asked)
    const route = this.routes[`${asked.method} ${asked.path}`]
    if (route === undefined) return problem('route_unknown', 404)
    return typeof route === 'function' ? route(asked) : route
  }
}

/** Problem details as the API sends them. */
export function problem(code: string, status: number, members: object = {}): Reply {
  return { status, body: { type: `urn:catchd:failure:${code}`, title: 'A title', status, code, ...members } }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
