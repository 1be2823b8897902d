/**
 * A connection to a message bus (D-Bus specification): calls methods and receives signals. It blocks no thread and needs no
 * library. The bus answers in the byte order of its machine, which is this one.
 */
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemCode } from '../files/whole-files.js'
import { type BusCall, type BusMessage, ERROR, methodCall, SIGNAL, takeMessage } from './messages.js'

/** Where the session's bus is. `undefined` for addresses that are no plain socket. */
export function sessionBusPath(env: NodeJS.ProcessEnv): string | undefined {
  const address = env['DBUS_SESSION_BUS_ADDRESS'] ?? ''
  if (address !== '') return socketPath(address)
  const runtime = env['XDG_RUNTIME_DIR'] ?? ''
  return runtime === '' ? undefined : join(runtime, 'bus')
}

/** Where the system's bus is. */
export function systemBusPath(env: NodeJS.ProcessEnv): string | undefined {
  return socketPath(env['DBUS_SYSTEM_BUS_ADDRESS'] || 'unix:path=/run/dbus/system_bus_socket')
}

function socketPath(address: string): string | undefined {
  const first = address.split(';')[0] ?? ''
  const path = /^unix:(?:.*,)?path=([^,]+)/.exec(first)?.[1]
  const abstract = /^unix:(?:.*,)?abstract=([^,]+)/.exec(first)?.[1]
  if (path !== undefined) return decodeURIComponent(path)
  return abstract === undefined ? undefined : `\0${decodeURIComponent(abstract)}`
}

/** `unreachable`: nobody listens. `refused`: the bus does not accept this user. `closed`: the connection ended. */
export class BusFailure extends Error {
  override readonly name = 'BusFailure'
  readonly trouble: 'unreachable' | 'refused' | 'closed'

  constructor(trouble: BusFailure['trouble'], text = '') {
    super(text)
    this.trouble = trouble
  }
}

/** A longer message is none that catchd asked for. */
const LONGEST_MESSAGE_BYTES = 1024 * 1024

interface Waiting {
  readonly resolve: (answer: BusMessage) => void
  readonly reject: (failure: BusFailure) => void
}

export class BusConnection {
  readonly #socket: Socket
  readonly #onSignal: (signal: BusMessage) => void
  readonly #waiting = new Map<number, Waiting>()
  /** Messages that wait for the end of the authentication. */
  #unsent: Buffer[] | undefined = []
  #received = Buffer.alloc(0)
  #serial = 0
  #failure: BusFailure | undefined
  #onEnd: () => void = () => {}
  /** Resolves when the connection has ended. */
  readonly ended = new Promise<void>((resolve) => {
    this.#onEnd = resolve
  })

  /** @param path - Of the bus's socket. */
  constructor(path: string, onSignal: (signal: BusMessage) => void = () => {}) {
    this.#onSignal = onSignal
    this.#socket = connect({ path })
    this.#socket.on('connect', () => this.#socket.write(`\0AUTH EXTERNAL ${externalIdentity()}\r\n`))
    this.#socket.on('error', (error) => this.#end(new BusFailure('unreachable', systemCode(error))))
    this.#socket.on('close', () => this.#end(new BusFailure('closed')))
    this.#socket.on('data', (bytes) => this.#receive(bytes))
    const hello = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'Hello',
    }
    this.call(hello).catch(() => {}) // later calls fail for the same reason
  }

  /** An answer that is an error is an answer. @throws BusFailure */
  async call(call: BusCall): Promise<BusMessage> {
    if (this.#failure !== undefined) throw this.#failure
    this.#serial += 1
    const serial = this.#serial
    const answer = new Promise<BusMessage>((resolve, reject) =>
      this.#waiting.set(serial, { resolve, reject }),
    )
    const message = methodCall(serial, call)
    if (this.#unsent === undefined) this.#socket.write(message)
    else this.#unsent.push(message)
    return answer
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    if (this.#unsent !== undefined && !this.#authenticate(this.#unsent)) return
    for (;;) {
      const message = takeMessage(this.#received)
      if (message === undefined) break
      this.#received = this.#received.subarray(message.length)
      if (message.type === SIGNAL) this.#onSignal(message)
      const serial = message.replySerial ?? 0
      this.#waiting.get(serial)?.resolve(message)
      this.#waiting.delete(serial)
    }
    if (this.#received.length > LONGEST_MESSAGE_BYTES) this.#end(new BusFailure('closed'))
  }

  #authenticate(unsent: readonly Buffer[]): boolean {
    const end = this.#received.indexOf('\r\n')
    if (end < 0) return false
    if (!this.#received.toString('latin1', 0, end).startsWith('OK ')) {
      this.#end(new BusFailure('refused'))
      return false
    }
    this.#received = this.#received.subarray(end + 2)
    this.#socket.write(Buffer.concat([Buffer.from('BEGIN\r\n'), ...unsent]))
    this.#unsent = undefined
    return true
  }

  #end(failure: BusFailure): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#socket.destroy()
    for (const { reject } of this.#waiting.values()) reject(failure)
    this.#waiting.clear()
    this.#onEnd()
  }
}

/** The text of an answer that is an error; `undefined` for another answer. */
export function errorText({ type, body }: BusMessage): string | undefined {
  return type === ERROR ? body.subarray(4).toString('utf8').replaceAll('\0', '') : undefined
}

function externalIdentity(): string {
  return Buffer.from(String(process.getuid?.() ?? '')).toString('hex')
}
