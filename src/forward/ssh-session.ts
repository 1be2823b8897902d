/** One run of OpenSSH. Reports when the socket exists on the other machine, and how ssh ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { type Forwarding, failed, readyFolder, sshArguments, sshFailure } from './ssh-command.js'

/** How much of the output is kept, to find the cause of a failure. */
const KEPT_CHARACTERS = 16_384
const ENDS_WITHIN_MS = 3_000

export class SshSession {
  readonly #child: ChildProcess
  /** The folder for CATCHD_HOME on the other machine. Rejects if ssh ends before. */
  readonly ready: Promise<string>
  /** Why ssh ended. Without {@link stop}, it ends only after a failure. */
  readonly ended: Promise<CatchdError>

  /** @param key - Sent to the other machine on stdin; `undefined`: no key is sent. */
  constructor(forwarding: Forwarding, key: Secret | undefined) {
    const child = spawn('ssh', sshArguments(forwarding), { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    let output = ''
    let errors = ''
    let isReady = false
    child.stdin.on('error', () => {}) // `ended` reports the cause
    child.stdin.write(`${key?.reveal() ?? ''}\n`)
    child.stderr.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk) // questions and warnings of ssh are for the user
      errors = `${errors}${chunk.toString('utf8')}`.slice(-KEPT_CHARACTERS)
    })
    this.ended = new Promise((resolve) => {
      child.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
        const isMissing = code === 'ENOENT'
        resolve(
          failed(isMissing ? 'ssh (the OpenSSH client) is not installed on this machine.' : `ssh: ${code}`),
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
    this.ready.catch(() => {}) // ssh can end before the caller awaits this
  }

  /** Ends stdin. The script on the other machine then removes its files, and ssh ends after that. */
  async stop(): Promise<void> {
    this.#child.stdin?.end()
    const timer = setTimeout(() => this.#child.kill(), ENDS_WITHIN_MS)
    await this.ended
    clearTimeout(timer)
  }
}
