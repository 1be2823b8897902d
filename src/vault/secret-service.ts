/**
 * Asks the Secret Service on D-Bus whether its default collection is locked. This opens no dialog and blocks no thread.
 * keytar and secret-tool cannot do this: each of their calls to a locked keyring opens the desktop's password dialog.
 *
 * Sends the few messages of the D-Bus specification (message protocol, EXTERNAL authentication) that one property
 * needs. The state is `unknown` when there is no clear answer. Then the engine's first call shows it.
 */
import { connect } from 'node:net'
import { join } from 'node:path'
import { systemCode } from '../files.js'
import { ANSWER_WITHIN_MS, type KeychainTrouble } from './keychain-engine.js'

export type LockState =
  | { readonly state: 'unlocked' | 'unknown' }
  | { readonly state: 'trouble'; readonly trouble: KeychainTrouble; readonly text: string }

/** libsecret's SECRET_COLLECTION_DEFAULT. */
const DEFAULT_COLLECTION = '/org/freedesktop/secrets/aliases/default'

const METHOD_RETURN = 2
const ERROR = 3

/** Header fields of a message (D-Bus specification, "Header Fields"). */
const FIELD = { path: 1, interface: 2, member: 3, replySerial: 5, destination: 6, signature: 8 } as const
const GET_SERIAL = 2

/** @param env - Where the session bus is named. @param limitMs - Until `silent`. */
export async function askSecretService(
  env: NodeJS.ProcessEnv = process.env,
  limitMs = ANSWER_WITHIN_MS,
): Promise<LockState> {
  const path = socketPath(env)
  if (path === undefined) return { state: 'unknown' }
  return new Promise((resolve) => {
    const socket = connect({ path })
    const finish = (state: LockState) => {
      clearTimeout(deadline)
      socket.destroy()
      resolve(state)
    }
    const deadline = setTimeout(
      // One more turn of the loop: when this process was busy, the answer may be waiting to be read.
      () => setImmediate(() => finish({ state: 'trouble', trouble: 'silent', text: '' })),
      limitMs,
    )
    let received = Buffer.alloc(0)
    let authenticated = false
    socket.on('connect', () => socket.write(`\0AUTH EXTERNAL ${externalIdentity()}\r\n`))
    socket.on('error', (error) => {
      // If no bus is named, libsecret also searches other places.
      if (!env['DBUS_SESSION_BUS_ADDRESS']) return finish({ state: 'unknown' })
      const text = `Could not connect to the session bus: ${systemCode(error)}`
      finish({ state: 'trouble', trouble: 'no_keychain', text })
    })
    socket.on('close', () => finish({ state: 'unknown' }))
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      if (!authenticated) {
        const end = received.indexOf('\r\n')
        if (end < 0) return
        if (!received.toString('latin1', 0, end).startsWith('OK ')) return finish({ state: 'unknown' })
        received = received.subarray(end + 2)
        authenticated = true
        const hello = methodCall(1, {
          destination: 'org.freedesktop.DBus',
          path: '/org/freedesktop/DBus',
          interface: 'org.freedesktop.DBus',
          member: 'Hello',
        })
        const getLocked = methodCall(
          GET_SERIAL,
          {
            destination: 'org.freedesktop.secrets',
            path: DEFAULT_COLLECTION,
            interface: 'org.freedesktop.DBus.Properties',
            member: 'Get',
          },
          ['org.freedesktop.Secret.Collection', 'Locked'],
        )
        socket.write(Buffer.concat([Buffer.from('BEGIN\r\n'), hello, getLocked]))
      }
      for (;;) {
        const message = takeMessage(received)
        if (message === undefined) return
        received = received.subarray(message.length)
        if (message.replySerial === GET_SERIAL) return finish(meaning(message))
      }
    })
  })
}

/** `undefined` for addresses that are no plain socket. libsecret may know them. */
function socketPath(env: NodeJS.ProcessEnv): string | undefined {
  const address = env['DBUS_SESSION_BUS_ADDRESS'] ?? ''
  if (address === '') {
    const runtime = env['XDG_RUNTIME_DIR'] ?? ''
    return runtime === '' ? undefined : join(runtime, 'bus')
  }
  const first = address.split(';')[0] ?? ''
  const path = /^unix:(?:.*,)?path=([^,]+)/.exec(first)?.[1]
  const abstract = /^unix:(?:.*,)?abstract=([^,]+)/.exec(first)?.[1]
  if (path !== undefined) return decodeURIComponent(path)
  return abstract === undefined ? undefined : `\0${decodeURIComponent(abstract)}`
}

function externalIdentity(): string {
  return Buffer.from(String(process.getuid?.() ?? '')).toString('hex')
}

/** @param strings - The arguments. */
function methodCall(
  serial: number,
  call: { destination: string; path: string; interface: string; member: string },
  strings: readonly string[] = [],
): Buffer {
  const empty = Buffer.alloc(0)
  const body = strings.reduce((bytes, text) => Buffer.concat([aligned(bytes, 4), string(text)]), empty)
  const fields = [
    field(FIELD.path, 'o', string(call.path)),
    field(FIELD.interface, 's', string(call.interface)),
    field(FIELD.member, 's', string(call.member)),
    field(FIELD.destination, 's', string(call.destination)),
    ...(strings.length === 0 ? [] : [field(FIELD.signature, 'g', signature('s'.repeat(strings.length)))]),
  ].reduce((bytes, one) => Buffer.concat([aligned(bytes, 8), one]), empty)
  // Little endian, method call, no flags, protocol version 1.
  const start = Buffer.concat([
    Buffer.from(['l'.charCodeAt(0), 1, 0, 1]),
    uint32(body.length),
    uint32(serial),
  ])
  return Buffer.concat([aligned(Buffer.concat([start, uint32(fields.length), fields]), 8), body])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([uint32(bytes.length), bytes, Buffer.alloc(1)])
}

function signature(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text), Buffer.alloc(1)])
}

function field(code: number, type: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([code]), signature(type), value])
}

function aligned(bytes: Buffer, to: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length, to))])
}

function padding(length: number, to: number): number {
  return (to - (length % to)) % to
}

/** The bus answers in the byte order of its machine, which is ours. */
function takeMessage(bytes: Buffer) {
  if (bytes.length < 16) return undefined
  const fieldsEnd = 16 + bytes.readUInt32LE(12)
  const bodyStart = fieldsEnd + padding(fieldsEnd, 8)
  const length = bodyStart + bytes.readUInt32LE(4)
  if (bytes.length < length) return undefined
  return {
    type: bytes[1] ?? 0,
    length,
    replySerial: replySerial(bytes.subarray(0, fieldsEnd)),
    body: bytes.subarray(bodyStart, length),
  }
}

/** Fields are structures of a code and a variant. Only strings, a signature and numbers occur. */
function replySerial(header: Buffer): number | undefined {
  let at = 16
  while (at + 4 <= header.length) {
    at += padding(at, 8)
    const code = header[at]
    const type = String.fromCharCode(header[at + 2] ?? 0)
    at += 4
    if (type === 'g') {
      at += (header[at] ?? 0) + 2
      continue
    }
    at += padding(at, 4)
    const value = header.readUInt32LE(at)
    if (code === FIELD.replySerial) return value
    at += type === 'u' || type === 'h' ? 4 : 4 + value + 1
  }
  return undefined
}

function meaning({ type, body }: { readonly type: number; readonly body: Buffer }): LockState {
  // A variant with a boolean: signature `b` in 3 bytes, padded to 4, then 32 bits.
  if (type === METHOD_RETURN && body.length >= 8) {
    if (body.readUInt32LE(4) === 0) return { state: 'unlocked' }
    return { state: 'trouble', trouble: 'locked', text: '' }
  }
  const text = type === ERROR ? body.subarray(4).toString('utf8').replaceAll('\0', '') : ''
  if (/org\.freedesktop\.secrets was not provided|has no owner/.test(text)) {
    return { state: 'trouble', trouble: 'no_keychain', text }
  }
  // No default collection yet, or an unusual service: the first write of the engine will show it.
  return { state: 'unknown' }
}
