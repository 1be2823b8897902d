/**
 * The keychain through keytar, in a child process (keytar-child.ts). The process is started at the first call, kept
 * while it is used, and killed if it does not answer.
 *
 * Calls are sent at once. The deadline counts from the last answer: a thousand calls may take longer than two seconds,
 * but a frozen keychain is an error within two seconds. Secrets go through the IPC channel, never argv. keytar is never
 * loaded into this process.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as z from 'zod'
import { nodeOptions, withoutLoaders } from '../process/own-processes.js'
import { ANSWER_WITHIN_MS, failureFrom, type KeychainEngine, KeychainFailure } from './keychain-engine.js'

/** For Node and keytar to load. No keychain is asked. */
const START_WITHIN_MS = 10_000
const IDLE_MS = 30_000

/** CRED_MAX_CREDENTIAL_BLOB_SIZE is 2,560 bytes; some room is left. */
const MAX_VALUE_BYTES_WINDOWS = 2_400

interface ChildEntry {
  readonly execArgv: readonly string[]
  readonly file: string
}

export interface KeytarEngineOptions {
  readonly childEntry?: ChildEntry
  readonly env?: NodeJS.ProcessEnv
  readonly platform?: NodeJS.Platform
  readonly idleMs?: number
}

const CallAnswer = z.union([
  z.object({ id: z.int(), result: z.union([z.string(), z.boolean(), z.null()]) }),
  z.object({ id: z.int(), failure: z.string() }),
])
type CallAnswer = z.infer<typeof CallAnswer>
const Answer = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ ready: z.literal(false), failure: z.string() }),
  CallAnswer,
])
type Result = string | boolean | null

interface Call {
  readonly resolve: (result: Result) => void
  readonly reject: (failure: KeychainFailure) => void
}

export class KeytarEngine implements KeychainEngine {
  readonly name = 'keytar'
  readonly maxValueBytes: number
  readonly #entry: ChildEntry
  readonly #env: NodeJS.ProcessEnv
  readonly #idleMs: number
  #child: KeytarChild | undefined

  constructor(options: KeytarEngineOptions = {}) {
    const { childEntry = defaultChildEntry(), env = process.env, platform = process.platform } = options
    this.maxValueBytes = platform === 'win32' ? MAX_VALUE_BYTES_WINDOWS : Number.POSITIVE_INFINITY
    this.#entry = childEntry
    this.#env = env
    this.#idleMs = options.idleMs ?? IDLE_MS
  }

  async get(service: string, account: string): Promise<string | null> {
    const result = await this.#call({ call: 'get', service, account })
    return typeof result === 'string' ? result : null
  }

  async set(service: string, account: string, value: string): Promise<void> {
    await this.#call({ call: 'set', service, account, value })
  }

  async delete(service: string, account: string): Promise<boolean> {
    return (await this.#call({ call: 'delete', service, account })) === true
  }

  async close(): Promise<void> {
    this.#child?.end()
  }

  /** Of the running child, for tests that kill it. */
  get pid(): number | undefined {
    return this.#child?.usable ? this.#child.pid : undefined
  }

  async #call(request: object): Promise<Result> {
    if (this.#child?.usable !== true) this.#child = new KeytarChild(this.#entry, this.#env, this.#idleMs)
    const child = this.#child
    const first = !child.hasAnswered
    try {
      return await child.call(request)
    } catch (error) {
      if (!(error instanceof KeychainFailure) || error.trouble !== 'no_keychain') throw error
      // libsecret looks for the keyring that it found first, also when another one has replaced it.
      child.retire()
      if (first) throw error
      return this.#call(request)
    }
  }
}

/** Not the id of a request: it stands for the message that says that keytar is loaded. */
const LOAD = 0

/** One child from its start to its end. */
class KeytarChild {
  readonly #process: ChildProcess
  readonly #idleMs: number
  readonly #calls = new Map<number, Call>()
  #nextId = 1
  #started = false
  #ended = false
  #deadline: NodeJS.Timeout | undefined
  #idle: NodeJS.Timeout | undefined
  /** Whether it accepts further calls. */
  usable = true
  hasAnswered = false

  constructor(entry: ChildEntry, env: NodeJS.ProcessEnv, idleMs: number) {
    this.#idleMs = idleMs
    this.#process = spawn(process.execPath, [...entry.execArgv, entry.file], {
      env: { ...withoutLoaders(env), LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      windowsHide: true,
    })
    this.#process.on('message', (message) => this.#answered(message))
    this.#process.on('error', (error) => this.#fail(new KeychainFailure('no_engine', error.message)))
    // Unlike `exit`, this comes after the last message.
    this.#process.on('disconnect', () =>
      this.#fail(new KeychainFailure('failed', 'the keytar process ended')),
    )
    // Only calls under way keep the program alive.
    this.#process.unref()
    this.#process.channel?.unref()
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves when keytar is loaded. */
  async load(): Promise<void> {
    await this.#answerTo(LOAD)
  }

  call(request: object): Promise<Result> {
    const id = this.#nextId++
    const answer = this.#answerTo(id)
    this.#process.send({ id, ...request }, (error) => {
      if (error !== null) this.#fail(new KeychainFailure('failed', 'the keytar process cannot be reached'))
    })
    return answer
  }

  #answerTo(id: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      clearTimeout(this.#idle)
      this.#process.channel?.ref()
      if (this.#calls.size === 1) this.#expectLife()
    })
  }

  /** Ends when the calls under way are answered. */
  retire(): void {
    this.usable = false
    if (this.#calls.size === 0) this.end()
  }

  end(): void {
    this.#fail(new KeychainFailure('failed', 'the vault was closed'))
  }

  #answered(message: unknown): void {
    const { data: answer } = Answer.safeParse(message)
    if (answer === undefined)
      this.#fail(new KeychainFailure('failed', 'the keytar process sent an invalid message'))
    else if (!('ready' in answer)) this.#settle(answer)
    else if (answer.ready) {
      this.#started = true
      this.#settle({ id: LOAD, result: null })
    } else this.#fail(new KeychainFailure('no_engine', answer.failure))
    if (this.#ended) return
    if (this.#calls.size > 0) this.#expectLife()
    else if (this.usable) this.#rest()
    else this.end()
  }

  #settle(answer: CallAnswer): void {
    if (answer.id !== LOAD) this.hasAnswered = true
    const call = this.#calls.get(answer.id)
    this.#calls.delete(answer.id)
    if ('failure' in answer) call?.reject(failureFrom(answer.failure))
    else call?.resolve(answer.result)
  }

  #expectLife(): void {
    clearTimeout(this.#deadline)
    const deadline = setTimeout(
      () => {
        // One more turn of the loop: when this process was busy, the answer may be waiting to be read.
        setImmediate(() => {
          if (this.#deadline === deadline) this.#silent()
        })
      },
      this.#started ? ANSWER_WITHIN_MS : START_WITHIN_MS,
    )
    this.#deadline = deadline
  }

  #silent(): void {
    this.#fail(
      this.#started
        ? new KeychainFailure('silent')
        : new KeychainFailure('failed', 'the keytar process did not start in time'),
    )
  }

  #rest(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    this.#process.channel?.unref()
    this.#idle = setTimeout(() => this.end(), this.#idleMs)
    this.#idle.unref()
  }

  /** After any failure this child is not used again. */
  #fail(failure: KeychainFailure): void {
    if (this.#ended) return
    this.#ended = true
    this.usable = false
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    clearTimeout(this.#idle)
    this.#process.kill('SIGKILL')
    for (const call of this.#calls.values()) call.reject(failure)
    this.#calls.clear()
  }
}

/**
 * Whether keytar can be loaded here, for `catchd doctor`. No keychain is asked.
 *
 * @returns Why it cannot, in the system's words; `undefined` when it can. Never throws.
 */
export async function keytarTrouble(entry: ChildEntry = defaultChildEntry()): Promise<string | undefined> {
  const child = new KeytarChild(entry, process.env, IDLE_MS)
  const trouble = await child.load().catch((failure: KeychainFailure) => failure.message)
  child.end()
  return trouble ?? undefined
}

/** The child beside this module: bundled as an entry of its own, or the source through tsx. */
function defaultChildEntry(): ChildEntry {
  const here = import.meta.url
  if (here.endsWith('.ts')) {
    const loader = pathToFileURL(createRequire(here).resolve('tsx')).href
    return { execArgv: ['--import', loader], file: fileURLToPath(new URL('./keytar-child.ts', here)) }
  }
  // The bundle splits this module into dist/main.js or dist/chunks/.
  const places = ['./vault/keytar-child.js', '../vault/keytar-child.js', './keytar-child.js']
  const files = places.map((place) => fileURLToPath(new URL(place, here)))
  const file = files.find(existsSync) ?? files[0] ?? ''
  return { execArgv: nodeOptions(file), file }
}
