/**
 * The open connections of one bound address, and how they end. If new connections were refused at the limit, slow ones
 * could lock out all others. Instead, the oldest connection that waits for no answer is closed: a part of its request is missing
 * (the handshake, the head, the body), or its answer is ready and it does not read it. Those that hold most memory also
 * give way, when all of them hold too much.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Connection {
  /** The newest request. */
  request: IncomingMessage | null
  /** The response to its newest request. Responses are sent in the order of their requests (RFC 9112 §9.3.2). */
  response: ServerResponse | null
  /** A counter that grows with time: when the connection was opened, or sent its last request. */
  turn: number
  /** How many bytes had arrived with the newest request, and before them. Requests may arrive together. */
  bytes: number
  bytesBefore: number
}

/** How much memory can grow beyond the limit in the meantime depends on how fast the program reads. */
const LOOK_EVERY_MS = 200

/** A request only changes its entry: a new one for each request would cost more in garbage collection than the answer. */
export class OpenConnections {
  readonly #open = new Map<Socket, Connection>()
  readonly #most: number
  readonly #mostUnfinishedBytes: number
  #turn = 0
  #closing = false
  #lookTimer: NodeJS.Timeout | undefined

  /** @param mostUnfinishedBytes - Of the newest requests of all connections that wait for no answer. */
  constructor(most: number, mostUnfinishedBytes = Infinity) {
    this.#most = most
    this.#mostUnfinishedBytes = mostUnfinishedBytes
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#most) this.#evict(socket)
    this.#remember(socket, this.#unused())
    this.#lookLater()
  }

  /** After a handshake, the TLS socket takes the entry of its connection and keeps its age. */
  replace(accepted: Socket | undefined, secured: Socket): void {
    const known = accepted === undefined ? undefined : this.#open.get(accepted)
    if (accepted !== undefined) this.#open.delete(accepted)
    this.#remember(secured, known ?? this.#unused())
  }

  asks(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const connection = this.#open.get(socket)
    if (connection === undefined) return
    connection.request = request
    connection.response = response
    connection.turn = this.#nextTurn()
    if (connection.bytes !== socket.bytesRead) {
      connection.bytesBefore = connection.bytes
      connection.bytes = socket.bytesRead
    }
    if (this.#closing) this.#closeAfter(socket, connection, response)
  }

  closeWhenIdle(): void {
    this.#closing = true
    for (const [socket, connection] of this.#open) {
      const { response } = connection
      if (isOpen(response)) this.#closeAfter(socket, connection, response)
      else socket.destroy()
    }
  }

  destroyAll(): void {
    for (const socket of this.#open.keys()) socket.destroy()
  }

  #unused(): Connection {
    return { request: null, response: null, turn: this.#nextTurn(), bytes: 0, bytesBefore: 0 }
  }

  #nextTurn(): number {
    this.#turn += 1
    return this.#turn
  }

  #remember(socket: Socket, connection: Connection): void {
    this.#open.set(socket, connection)
    socket.once('close', () => this.#open.delete(socket))
  }

  #closeAfter(socket: Socket, connection: Connection, response: ServerResponse): void {
    response.once('close', () => {
      if (connection.response === response) socket.destroySoon()
    })
  }

  /** Several at once: to look at all connections for each new one would keep the daemon busy during a flood. */
  #evict(newcomer: Socket): void {
    const idle = [...this.#open].filter(([, connection]) => !isBeingAnswered(connection))
    idle.sort(([, a], [, b]) => a.turn - b.turn)
    for (const [socket] of idle.slice(0, Math.ceil(this.#most / 32))) this.#reset(socket)
    if (idle.length === 0) newcomer.destroy()
  }

  /** Node reads requests without telling how far it is, so this looks now and then, while there are connections. */
  #lookLater(): void {
    if (this.#mostUnfinishedBytes === Infinity || this.#open.size === 0) return
    if (this.#lookTimer !== undefined) return
    this.#lookTimer = setTimeout(() => {
      this.#lookTimer = undefined
      this.#evictLargest()
      this.#lookLater()
    }, LOOK_EVERY_MS)
    this.#lookTimer.unref()
  }

  #evictLargest(): void {
    const unfinished = [...this.#open]
      .filter(([, connection]) => !isBeingAnswered(connection))
      .map(([socket, { bytesBefore }]) => ({ socket, bytes: socket.bytesRead - bytesBefore }))
    let bytes = unfinished.reduce((sum, each) => sum + each.bytes, 0)
    if (bytes <= this.#mostUnfinishedBytes) return
    unfinished.sort((a, b) => b.bytes - a.bytes)
    for (const each of unfinished) {
      if (bytes <= this.#mostUnfinishedBytes / 2) return
      this.#reset(each.socket)
      bytes -= each.bytes
    }
  }

  #reset(socket: Socket): void {
    reset(socket)
    this.#open.delete(socket)
  }
}

/**
 * A connection that ends in the usual way stays in the tables of the system for a minute (RFC 9293 §3.4.1). During a flood
 * that would make tens of thousands, and tcp-table.ts reads them all.
 */
function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy()
  } catch {
    socket.destroy() // not plain TCP
  }
}

function isOpen(response: ServerResponse | null): response is ServerResponse {
  return response !== null && !response.writableFinished && !response.destroyed
}

/** Whether the whole request is here, and the program still works on its answer. */
function isBeingAnswered({ request, response }: Connection): boolean {
  return request?.complete === true && isOpen(response) && !response.writableEnded
}
