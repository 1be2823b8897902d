/**
 * The keychain through secret-tool (libsecret-tools), for Linux if keytar cannot be loaded. It uses the same items,
 * with the same attributes, and no native code.
 *
 * One process per call. The secret goes through standard input and output, never argv. secret-tool ends the same way
 * for "not found" and for "locked": exit code 1, no output.
 */
import { type ChildProcess, execFile } from 'node:child_process'
import { ANSWER_WITHIN_MS, failureFrom, type KeychainEngine, KeychainFailure } from './keychain-engine.js'

/** secret-tool reads at most 8,192 bytes. */
const MAX_VALUE_BYTES = 8_000

interface SecretToolEngineOptions {
  readonly command?: string
  readonly env?: NodeJS.ProcessEnv
  /** Time limit of one call; below the two seconds of a vault, except in tests. */
  readonly answerWithinMs?: number
}

interface Ended {
  readonly code: number
  readonly output: string
}

export class SecretToolEngine implements KeychainEngine {
  readonly name = 'secret-tool'
  readonly maxValueBytes = MAX_VALUE_BYTES
  readonly #command: string
  readonly #env: NodeJS.ProcessEnv
  readonly #answerWithinMs: number
  readonly #running = new Set<ChildProcess>()
  /** One after the other, so that two writes of one item keep their order. */
  #last: Promise<unknown> = Promise.resolve()
  #silentAt = 0

  constructor(options: SecretToolEngineOptions = {}) {
    this.#command = options.command ?? 'secret-tool'
    this.#env = options.env ?? process.env
    this.#answerWithinMs = options.answerWithinMs ?? ANSWER_WITHIN_MS
  }

  async get(service: string, account: string): Promise<string | null> {
    const { code, output } = await this.#inTurn(['lookup', ...attributes(service, account)])
    return code === 0 ? output : null
  }

  async set(service: string, account: string, value: string): Promise<void> {
    const label = `--label=${service}/${account}`
    const { code } = await this.#inTurn(['store', label, ...attributes(service, account)], value)
    if (code !== 0) throw new KeychainFailure('failed', 'secret-tool store gave no reason')
  }

  async delete(service: string, account: string): Promise<boolean> {
    const { code } = await this.#inTurn(['clear', ...attributes(service, account)])
    return code === 0
  }

  async close(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL')
  }

  async #inTurn(args: readonly string[], input = ''): Promise<Ended> {
    const askedAt = performance.now()
    const turn = this.#last.then(() => {
      // A queue must not wait for one deadline after the other.
      if (this.#silentAt > askedAt) throw new KeychainFailure('silent')
      return this.#run(args, input)
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  #run(args: readonly string[], input: string): Promise<Ended> {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), this.#answerWithinMs)
    const options = {
      env: { ...this.#env, LC_ALL: 'C.UTF-8' },
      signal: deadline.signal,
      killSignal: 'SIGKILL',
      windowsHide: true,
    } as const
    return new Promise((resolve, reject) => {
      const child = execFile(this.#command, args, options, (error, output, errors) => {
        clearTimeout(timer)
        this.#running.delete(child)
        const words = errors.trim()
        if (error === null) return resolve({ code: 0, output })
        if (deadline.signal.aborted) {
          this.#silentAt = performance.now()
          return reject(new KeychainFailure('silent'))
        }
        if (words !== '') return reject(failureFrom(words))
        if (typeof error.code === 'number') return resolve({ code: error.code, output })
        return reject(new KeychainFailure(error.code === undefined ? 'failed' : 'no_engine', error.message))
      })
      this.#running.add(child)
      // It may end without reading.
      child.stdin?.on('error', () => {}).end(input)
    })
  }
}

/** As keytar writes them. */
function attributes(service: string, account: string): string[] {
  return ['xdg:schema', 'org.freedesktop.Secret.Generic', 'service', service, 'account', account]
}
