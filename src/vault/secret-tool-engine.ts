/**
 * The keychain through secret-tool (libsecret-tools), where keytar cannot be loaded on Linux: the same items, found
 * by the same attributes, without native code.
 *
 * One process a call; the secret goes through standard input and output, never argv. secret-tool says "not
 * found" and "locked" alike: exit code 1 without a word.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { ANSWER_WITHIN_MS, failureFrom, type KeychainEngine, KeychainFailure } from './keychain-engine.js'

/** secret-tool reads at most 8,192 bytes. */
const MAX_VALUE_BYTES = 8_000

export interface SecretToolEngineOptions {
  readonly command?: string
  readonly env?: NodeJS.ProcessEnv
}

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

export class SecretToolEngine implements KeychainEngine {
  readonly name = 'secret-tool'
  readonly maxValueBytes = MAX_VALUE_BYTES
  readonly #command: string
  readonly #env: NodeJS.ProcessEnv
  readonly #running = new Set<ChildProcess>()
  /** One after the other, so that two writes of one item land in their order. */
  #last: Promise<unknown> = Promise.resolve()
  #silentAt = 0

  constructor({ command = 'secret-tool', env = process.env }: SecretToolEngineOptions = {}) {
    this.#command = command
    this.#env = env
  }

  async get(service: string, account: string): Promise<string | null> {
    const { code, output } = await this.#inTurn(['lookup', ...attributes(service, account)])
    return code === 0 ? output : null
  }

  async set(service: string, account: string, value: string): Promise<void> {
    const label = `--label=${service}/${account}`
    const { code } = await this.#inTurn(['store', label, ...attributes(service, account)], value)
    if (code !== 0) throw new KeychainFailure('failed', 'secret-tool store said no reason')
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
    return new Promise((resolve, reject) => {
      const child = spawn(this.#command, args, {
        env: { ...this.#env, LC_ALL: 'C.UTF-8' },
        stdio: 'pipe',
        windowsHide: true,
      })
      this.#running.add(child)
      const output: Buffer[] = []
      const errors: Buffer[] = []
      child.stdout.on('data', (bytes: Buffer) => output.push(bytes))
      child.stderr.on('data', (bytes: Buffer) => errors.push(bytes))
      // It may end without reading.
      child.stdin.on('error', () => {})
      child.stdin.end(input)
      const deadline = setTimeout(() => {
        child.kill('SIGKILL')
        this.#silentAt = performance.now()
        reject(new KeychainFailure('silent'))
      }, ANSWER_WITHIN_MS)
      child.on('error', (error) => reject(new KeychainFailure('no_engine', error.message)))
      child.on('close', (code) => {
        clearTimeout(deadline)
        this.#running.delete(child)
        const words = Buffer.concat(errors).toString('utf8').trim()
        if (code !== 0 && words !== '') return reject(failureFrom(words))
        if (code === null) return reject(new KeychainFailure('failed', 'secret-tool was ended'))
        resolve({ code, output: Buffer.concat(output).toString('utf8'), errors: words })
      })
    })
  }
}

/** As keytar writes them. */
function attributes(service: string, account: string): string[] {
  return ['xdg:schema', 'org.freedesktop.Secret.Generic', 'service', service, 'account', account]
}
