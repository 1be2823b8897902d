/**
 * A mail server as far as sending goes (RFC 5321): STARTTLS, then AUTH OAUTHBEARER (RFC 7628) or XOAUTH2, and no mail
 * without it. On a loopback port; the judge of what mail programs send.
 */
import { createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { ToolBench } from './tool-system.js'

export interface SmtpServer {
  readonly port: number
  /** Mechanism and decoded initial response of each attempt. */
  readonly attempts: { readonly mechanism: string; readonly response: string }[]
  /** Mails that were taken, with their headers. */
  readonly mails: string[]
}

const CAPABILITIES = ['AUTH OAUTHBEARER XOAUTH2', '8BITMIME']
/** RFC 7628 §3.2.2; the client answers it before the attempt fails. */
const REFUSAL = Buffer.from('{"status":"invalid_token","schemes":"bearer"}').toString('base64')

export async function startSmtpServer(
  bench: ToolBench,
  tls: { readonly key: string; readonly cert: string },
  isGood: (token: string) => boolean,
): Promise<SmtpServer> {
  const attempts: SmtpServer['attempts'][number][] = []
  const mails: string[] = []
  const context = createSecureContext(tls)
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    new Session(socket, { context, isGood, attempts, mails }).greet()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bench.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, attempts, mails }
}

interface Shared {
  readonly context: ReturnType<typeof createSecureContext>
  readonly isGood: (token: string) => boolean
  readonly attempts: { mechanism: string; response: string }[]
  readonly mails: string[]
}

class Session {
  readonly #shared: Shared
  #socket: Socket
  #rest = ''
  #isSecure = false
  #isKnown = false
  /** Takes lines while the client is in the middle of something. */
  #continuation: ((line: string) => void) | undefined

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket
    this.#shared = shared
    this.#listen()
  }

  greet(): void {
    this.#say('220 localhost ESMTP')
  }

  #listen(): void {
    this.#socket.on('error', () => {})
    this.#socket.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk.toString('latin1')).split('\r\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) (this.#continuation ?? ((text) => this.#command(text)))(line)
    })
  }

  #say(line: string): void {
    this.#socket.write(`${line}\r\n`)
  }

  #command(line: string): void {
    const [verb = '', ...words] = line.split(' ')
    switch (verb.toUpperCase()) {
      case 'EHLO': {
        const offered = ['localhost', ...(this.#isSecure ? CAPABILITIES : ['STARTTLS'])]
        for (const name of offered) this.#say(`250${name === offered.at(-1) ? ' ' : '-'}${name}`)
        break
      }
      case 'STARTTLS':
        this.#say('220 go ahead')
        this.#secure()
        break
      case 'AUTH':
        if (words[1] === undefined) {
          this.#continuation = (response) => this.#authenticate(words[0] ?? '', response)
          this.#say('334 ')
        } else this.#authenticate(words[0] ?? '', words[1])
        break
      case 'MAIL':
        this.#say(this.#isKnown ? '250 ok' : '530 5.7.0 Authentication required')
        break
      case 'DATA':
        this.#takeMail()
        break
      case 'QUIT':
        this.#say('221 bye')
        this.#socket.end()
        break
      default:
        this.#say('250 ok')
    }
  }

  #secure(): void {
    this.#socket.removeAllListeners('data')
    this.#socket = new TLSSocket(this.#socket, { isServer: true, secureContext: this.#shared.context })
    this.#isSecure = true
    this.#listen()
  }

  #authenticate(mechanism: string, encoded: string): void {
    const response = Buffer.from(encoded, 'base64').toString('utf8')
    this.#shared.attempts.push({ mechanism, response })
    const members = response.split('\u0001')
    const credential = members.find((member) => member.startsWith('auth=Bearer '))
    const token = response.endsWith('\u0001\u0001') ? (credential?.slice('auth=Bearer '.length) ?? '') : ''
    this.#isKnown = this.#shared.isGood(token)
    this.#continuation = undefined
    if (this.#isKnown) {
      this.#say('235 2.7.0 accepted')
      return
    }
    this.#continuation = () => {
      this.#continuation = undefined
      this.#say('535 5.7.8 Username and Token not accepted')
    }
    this.#say(`334 ${REFUSAL}`)
  }

  #takeMail(): void {
    const lines: string[] = []
    this.#say('354 end with a dot')
    this.#continuation = (line) => {
      if (line !== '.') {
        lines.push(line)
        return
      }
      this.#continuation = undefined
      this.#shared.mails.push(lines.join('\n'))
      this.#say('250 taken')
    }
  }
}
