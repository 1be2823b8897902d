/** Writes and reads messages of D-Bus (D-Bus specification, "Message Protocol"), as far as catchd needs them. Pure. */

export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

/** Header fields of a message ("Header Fields"). */
const FIELD = { path: 1, interface: 2, member: 3, replySerial: 5, destination: 6, signature: 8 } as const

export interface BusCall {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  /** The arguments: strings, or one list of object paths. */
  readonly strings?: readonly string[]
  readonly objectPaths?: readonly string[]
}

export interface BusMessage {
  readonly type: number
  /** Of the whole message, in bytes. */
  readonly length: number
  readonly replySerial?: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly body: Buffer
}

export function methodCall(serial: number, call: BusCall): Buffer {
  const { strings = [], objectPaths } = call
  const body = objectPaths === undefined ? aligned(strings) : list(aligned(objectPaths))
  const bodySignature = objectPaths === undefined ? 's'.repeat(strings.length) : 'ao'
  const fields = [
    field(FIELD.path, 'o', string(call.path)),
    field(FIELD.interface, 's', string(call.interface)),
    field(FIELD.member, 's', string(call.member)),
    field(FIELD.destination, 's', string(call.destination)),
    ...(bodySignature === '' ? [] : [field(FIELD.signature, 'g', signature(bodySignature))]),
  ].reduce((bytes, one) => Buffer.concat([padded(bytes, 8), one]), Buffer.alloc(0))
  // Little endian, method call, no flags, protocol version 1.
  const start = Buffer.concat([
    Buffer.from(['l'.charCodeAt(0), 1, 0, 1]),
    uint32(body.length),
    uint32(serial),
  ])
  return Buffer.concat([padded(Buffer.concat([start, uint32(fields.length), fields]), 8), body])
}

/** The first whole message of the bytes; `undefined` if there is none yet. */
export function takeMessage(bytes: Buffer): BusMessage | undefined {
  if (bytes.length < 16) return undefined
  const fieldsEnd = 16 + bytes.readUInt32LE(12)
  const bodyStart = fieldsEnd + padding(fieldsEnd, 8)
  const length = bodyStart + bytes.readUInt32LE(4)
  if (bytes.length < length) return undefined
  return {
    type: bytes[1] ?? 0,
    length,
    ...headerFields(bytes.subarray(0, fieldsEnd)),
    body: bytes.subarray(bodyStart, length),
  }
}

/** The text at the start of a body: a string or an object path. */
export function firstString(body: Buffer): string {
  return body.length < 4 ? '' : body.toString('utf8', 4, 4 + body.readUInt32LE(0))
}

/** The object paths of a body that is one variant with a list of them; none for any other body. */
export function objectPathsInVariant(body: Buffer): string[] {
  // Signature `ao` in 4 bytes, then the length of the list in bytes, then strings that begin at a multiple of 4.
  if (body.length < 8 || body.toString('latin1', 0, 4) !== '\x02ao\0') return []
  const paths: string[] = []
  const end = Math.min(body.length, 8 + body.readUInt32LE(4))
  for (let at = 8; at + 4 <= end; at += padding(at, 4)) {
    paths.push(firstString(body.subarray(at)))
    at += 4 + body.readUInt32LE(at) + 1
  }
  return paths
}

/** Fields are structures of a code and a variant. Only strings, a signature and numbers occur. */
function headerFields(header: Buffer): Pick<BusMessage, 'replySerial' | 'path' | 'interface' | 'member'> {
  const found: { replySerial?: number; path?: string; interface?: string; member?: string } = {}
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
    if (at + 4 > header.length) break
    if (code === FIELD.replySerial) found.replySerial = header.readUInt32LE(at)
    if (code === FIELD.path) found.path = firstString(header.subarray(at))
    if (code === FIELD.interface) found.interface = firstString(header.subarray(at))
    if (code === FIELD.member) found.member = firstString(header.subarray(at))
    at += type === 'u' || type === 'h' ? 4 : 4 + header.readUInt32LE(at) + 1
  }
  return found
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

/** Strings one after the other. */
function aligned(strings: readonly string[]): Buffer {
  return strings.reduce((bytes, text) => Buffer.concat([padded(bytes, 4), string(text)]), Buffer.alloc(0))
}

function list(elements: Buffer): Buffer {
  return Buffer.concat([uint32(elements.length), elements])
}

function signature(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text), Buffer.alloc(1)])
}

function field(code: number, type: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([code]), signature(type), value])
}

function padded(bytes: Buffer, to: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length, to))])
}

function padding(length: number, to: number): number {
  return (to - (length % to)) % to
}
