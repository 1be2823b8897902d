/**
 * Opens the connections to the daemon. It checks whose program is at the other end before anything is sent: no key, no
 * client secret, no request (SECURITY.md#nobody-else-answers).
 *
 * A unix socket and its folder must belong to this user. On Linux the system names the user of a listener on TCP. In all
 * other cases (TCP on other systems, the pipe on Windows) the program must prove that it knows the key.
 */
import { once } from 'node:events'
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { CatchdError } from '../failures.js'
import { CHALLENGE_HEADER, challengeFor, proofIn } from '../listener/listener-proof.js'
import { findForeignPart, isPipe, readAdminKey } from '../listener/socket-path.js'
import { ownerOfListener } from '../listener/tcp-table.js'
import { shellWord } from '../text/shell-word.js'
import { withoutVariables } from '../text/without-variables.js'

/** A listener on this machine answers at once. */
const PROVES_WITHIN_MS = 5_000
const LARGEST_ANSWER_BYTES = 64 * 1024

export interface DaemonAddress {
  readonly socketPath?: string | undefined
  /** `127.0.0.1:7636`, if there is no socket. */
  readonly authority?: string | undefined
  /** The key that is sent over TCP. */
  readonly apiKey?: string | undefined
}

export class DaemonAgent extends Agent {
  readonly #address: DaemonAddress

  constructor(address: DaemonAddress, options: AgentOptions = {}) {
    super(options)
    this.#address = address
  }

  override createConnection(
    options: ClientRequestArgs,
    callback: (error: Error | null, socket: Duplex) => void = () => {},
  ): undefined {
    this.#open(options as NetConnectOpts).then(
      (socket) => callback(null, socket),
      (error) => (callback as (error: Error) => void)(error),
    )
  }

  async #open(options: NetConnectOpts): Promise<Socket> {
    const { socketPath } = this.#address
    if (socketPath !== undefined) refuseForeignPart(socketPath)
    const socket = connect(options)
    let failure: Error | undefined
    socket.on('error', (error) => {
      failure = error
    })
    try {
      await once(socket, 'connect')
      if (socketPath === undefined || isPipe(socketPath)) await this.#requireOurs(socket)
      if (socket.destroyed) throw failure ?? Object.assign(new Error('closed'), { code: 'ECONNRESET' })
      return socket
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  async #requireOurs(socket: Socket): Promise<void> {
    const { socketPath, authority = 'localhost', apiKey } = this.#address
    const at = socketPath ?? `http://${authority}`
    const owner = socketPath === undefined ? await ownerOfListener(socket) : 'unknown'
    if (owner === 'trusted') return
    if (owner === 'another user') {
      throw notOurs(`The program that listens at ${at} belongs to another user. Nothing was sent to it.`)
    }
    const key = socketPath === undefined ? apiKey : readAdminKey()
    if (key === undefined) {
      throw notOurs(`Nothing was sent to ${at}: without an API key, catchd cannot check what listens there.`)
    }
    const challenge = challengeFor(key, authority)
    const head = await exchange(socket, authority, challenge.header)
    if (challenge.isAnsweredBy(proofIn(head))) return
    throw notOurs(
      `The program that listens at ${at} did not prove that it is this user's daemon, so the key was not sent. It may also be the daemon, but without this key.`,
    )
  }
}

/** @throws CatchdError `config_invalid` for a folder, `already_running` for a socket */
function refuseForeignPart(socketPath: string): void {
  const part = findForeignPart(socketPath)
  if (part === undefined) return
  const { path, kind } = part
  if (kind === 'socket') {
    throw new CatchdError('already_running', {
      detail: `The socket ${path} belongs to another user. Nothing was sent to it.`,
      next: `ls -l ${shellWord(path)}`,
    })
  }
  if (kind === 'folder') {
    throw new CatchdError('config_invalid', {
      detail: `The folder ${path} belongs to another user. Nothing was sent to the socket there. Use a folder of your own.`,
      next: `ls -ld ${shellWord(path)}`,
    })
  }
  throw new CatchdError('config_invalid', {
    detail: `Other users can write to the folder ${path}. Nothing was sent to the socket there.`,
    next: `chmod ${kind === 'folder above' ? 'o-w' : '700'} ${shellWord(path)}`,
  })
}

function notOurs(detail: string): CatchdError {
  return new CatchdError('daemon_unreachable', {
    detail,
    next: withoutVariables(['CATCHD_URL'], 'catchd status'),
  })
}

/** Sends the challenge in a request without a key. @returns the head of the answer; empty if there is no whole answer */
function exchange(socket: Socket, authority: string, challenge: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const end = (head: string) => {
      clearTimeout(timer)
      socket.off('data', read).off('error', fail).off('close', fail)
      resolve(head)
    }
    const fail = () => end('')
    const timer = setTimeout(fail, PROVES_WITHIN_MS)
    const read = (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      const headEnd = answer.indexOf('\r\n\r\n')
      const length = /^content-length: (\d+)\r$/im.exec(answer.slice(0, headEnd + 2))?.[1]
      if (headEnd >= 0 && answer.length >= headEnd + 4 + Number(length)) end(answer.slice(0, headEnd + 2))
      else if (answer.length > LARGEST_ANSWER_BYTES) fail()
    }
    socket.on('data', read).on('error', fail).on('close', fail)
    socket.write(`GET /v1/status HTTP/1.1\r\nhost: ${authority}\r\n${CHALLENGE_HEADER}: ${challenge}\r\n\r\n`)
  })
}
