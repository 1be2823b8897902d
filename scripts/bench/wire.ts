/**
 * A client that costs as little as a client can, so that what is measured is the server: one request is one write
 * of prepared bytes, one answer is read up to its Content-Length.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

export interface Target {
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly path: string
  /** Value of the Authorization header. */
  readonly authorization?: string
}

/** A kept connection. */
export class Wire {
  readonly #socket: Socket
  readonly #request: string
  #received = ''
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined

  private constructor(socket: Socket, request: string) {
    this.#socket = socket
    this.#request = request
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#settle?.reject(error))
    socket.on('close', () => this.#settle?.reject(new Error('The connection was closed.')))
  }

  static async open({ at, path, authorization }: Target): Promise<Wire> {
    const socket = connect(at)
    socket.setNoDelay(true)
    await once(socket, 'connect')
    const host = 'port' in at ? `${at.host}:${at.port}` : 'localhost'
    const key = authorization === undefined ? '' : `authorization: ${authorization}\r\n`
    return new Wire(socket, `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${key}connection: keep-alive\r\n\r\n`)
  }

  /** @returns Milliseconds from the write to the answer's last byte. @throws Error for what is not a 200 */
  async get(): Promise<number> {
    const startedAt = performance.now()
    await new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#socket.write(this.#request)
    })
    return performance.now() - startedAt
  }

  close(): void {
    this.#settle = undefined
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#received += text
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1]
    if (this.#received.length < headEnd + 4 + Number(length)) return
    const answer = this.#received
    this.#received = ''
    if (answer.startsWith('HTTP/1.1 200 ')) this.#settle?.resolve()
    else this.#settle?.reject(new Error(answer))
  }
}

/** Milliseconds of each of many requests, one after the other on one kept connection. */
export async function latencies(target: Target, requests: number): Promise<number[]> {
  const wire = await Wire.open(target)
  const times: number[] = []
  for (let count = 0; count < requests; count++) times.push(await wire.get())
  wire.close()
  return times
}

/** Milliseconds of each of many requests, each on a connection of its own. */
export async function latenciesWhenNew(target: Target, requests: number): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < requests; count++) {
    const startedAt = performance.now()
    const wire = await Wire.open(target)
    await wire.get()
    times.push(performance.now() - startedAt)
    wire.close()
  }
  return times
}

/** One after the other: a burst of connects would overflow the backlog. */
export async function openWires(target: Target, count: number): Promise<Wire[]> {
  const wires: Wire[] = []
  while (wires.length < count) wires.push(await Wire.open(target))
  return wires
}

/** Milliseconds of each request of many clients at once, and what they were given in a second. */
export async function underLoad(target: Target, clients: number, requests: number) {
  const wires = await openWires(target, clients)
  const times: number[] = []
  const startedAt = performance.now()
  await Promise.all(
    wires.map(async (wire) => {
      for (let count = 0; count < requests / clients; count++) times.push(await wire.get())
    }),
  )
  const perSecond = times.length / ((performance.now() - startedAt) / 1000)
  for (const wire of wires) wire.close()
  return { times, perSecond }
}
