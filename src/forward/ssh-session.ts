/** One run of OpenSSH: from its start to the moment when the other machine has the socket, and to its end. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { type Forwarding, failed, readyFolder, sshArguments, sshFailure } from './ssh-command.js'

/** What is looked at for the cause of an end. */
const KEPT_CHARACTERS = 16_384
const ENDS_WITHIN_MS = 3_000

export class SshSession {
  readonly #child: ChildProcess
  /** The folder for CATCHD_HOME there. Rejects when ssh ends before. */
  readonly ready: Promise<string>
  /** Why ssh ended, which it does by itself only when something is wrong. */
  readonly ended: Promise<CatchdError>

  /** @param key - Goes to the other machine on stdin; `undefined` keeps it here. */
  constructor(forwarding: Forwarding, key: Secret | undefined) {
    const child = spawn('ssh', sshArguments(forwarding), { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    let output = ''
    let errors = ''
    let isReady = false
    child.stdin.on('error', () => {}) // its end says why
    child.stdin.write(`${key?.reveal() ?? ''}\n`)
    child.stderr.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk) // questions and warnings are for the person
      errors = `${errors}${chunk.toString('utf8')}`.slice(-KEPT_CHARACTERS)
    })
    this.ended = new Promise((resolve) => {
      child.on('error', ({ code }: NodeJS.ErrnoException) => {
        resolve(
          failed(
            code === 'ENOENT' ? 'ssh is not installed here (OpenSSH client).' : `ssh: ${code ?? 'unknown'}`,
          ),
        )
      })
      child.on('close', (code) => resolve(sshFailure(code, errors, isReady)))
    })
    this.ready = new Promise((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        if (isReady) return
        output = `${output}${chunk.toString('utf8')}`.slice(-KEPT_CHARACTERS)
        const folder = readyFolder(output, forwarding.id)
        if (folder === undefined) return
        isReady = true
        resolve(folder)
      })
      void this.ended.then(reject)
    })
    this.ready.catch(() => {}) // it is awaited later than ssh may end
  }

  /** The other machine clears up when its stdin ends, and ssh ends after that. */
  async stop(): Promise<void> {
    this.#child.stdin?.end()
    const timer = setTimeout(() => this.#child.kill(), ENDS_WITHIN_MS)
    await this.ended
    clearTimeout(timer)
  }
}
