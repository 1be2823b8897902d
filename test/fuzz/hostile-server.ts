/** An authorization server on loopback that answers with the bytes of a mutant, and repeats what it was sent. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { mutatedText, oddText } from './mutations.js'

export interface HostileAnswer {
  readonly status: number
  readonly contentType: string
  readonly encoding: string
  readonly header: string
  readonly body: string
  readonly lengthOff: number
}

const ENCODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
}

/** Mostly an answer whose body is read: what is wrong with the rest is rare, so that it does not hide the body. */
export function hostileAnswer(
  body: fc.Arbitrary<string>,
  usual: { readonly status?: number; readonly contentType?: string } = {},
): fc.Arbitrary<HostileAnswer> {
  const rarely = <Value>(value: Value, others: fc.Arbitrary<Value>) =>
    fc.oneof({ weight: 19, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: others })
  return fc.record({
    status: rarely(
      usual.status ?? 200,
      fc.constantFrom(200, 201, 204, 302, 307, 400, 401, 404, 429, 500, 503, 999),
    ),
    contentType: rarely(
      usual.contentType ?? 'application/json',
      fc.oneof(
        fc.constantFrom(
          'text/html',
          'application/x-www-form-urlencoded',
          'application/jwt',
          'application/json; charset=utf-16',
        ),
        mutatedText('application/json;charset=utf-8'),
      ),
    ),
    encoding: rarely(
      '',
      fc.constantFrom('gzip', 'br', 'deflate', 'identity', 'x-unknown', 'gzip, gzip', 'lies'),
    ),
    header: rarely(
      '',
      fc.oneof(
        mutatedText(
          'Retry-After: 3',
          'DPoP-Nonce: n-1',
          'WWW-Authenticate: Bearer error="invalid_token", error_description="x"',
        ),
        oddText,
      ),
    ),
    body,
    lengthOff: rarely(0, fc.constantFrom(-1, 1, 1000, Number.NaN)),
  })
}

export class HostileServer {
  /** By path. A path that has none gets 404. */
  readonly answers = new Map<string, HostileAnswer>()
  /** Secrets that were sent here since the last call of {@link takeSent}. */
  readonly #sent: string[] = []
  readonly #server = createServer((request) => void this.#answer(request).catch(() => request.destroy()))
  base = ''

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.base = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  takeSent(): string[] {
    return this.#sent.splice(0)
  }

  /** A usual answer, for what a target does not mutate. */
  serve(path: string, value: unknown): void {
    const body = typeof value === 'string' ? value : JSON.stringify(value)
    this.answers.set(path, {
      ...{ status: 200, contentType: 'application/json', encoding: '', header: '', lengthOff: 0 },
      body,
    })
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: IncomingMessage): Promise<void> {
    let sent = ''
    for await (const chunk of request) sent += String(chunk)
    const { authorization = '' } = request.headers
    const parameters = new URLSearchParams(sent)
    for (const name of [
      'code_verifier',
      'refresh_token',
      'code',
      'client_secret',
      'device_code',
      'subject_token',
    ]) {
      const value = parameters.get(name)
      if (value !== null && value.length > 15) this.#sent.push(value)
    }
    const path = new URL(request.url ?? '/', 'http://x').pathname
    const { status, contentType, encoding, header, body, lengthOff } = this.answers.get(path) ?? NOT_FOUND
    const told = body
      .replaceAll('ECHO_AUTHORIZATION', () => authorization)
      .replaceAll('ECHO_BODY', () => JSON.stringify(sent).slice(1, -1))
      .replaceAll('ECHO_SECRET', () => this.#sent.at(-1) ?? '')
    const bytes = (ENCODERS[encoding] ?? ((plain: Buffer) => plain))(Buffer.from(told))
    const lines = [
      `HTTP/1.1 ${status} X`,
      `Content-Type: ${contentType}`,
      ...(encoding === '' ? [] : [`Content-Encoding: ${encoding === 'lies' ? 'gzip' : encoding}`]),
      ...(Number.isNaN(lengthOff) ? [] : [`Content-Length: ${bytes.length + lengthOff}`]),
      ...(header === '' ? [] : [header]),
      'Connection: close',
    ]
    request.socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'), bytes]))
  }
}

const NOT_FOUND: HostileAnswer = {
  ...{ status: 404, contentType: 'text/plain', encoding: '', header: '', body: '', lengthOff: 0 },
}
