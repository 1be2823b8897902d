/**
 * A journal of steps that must not be done twice. One line is written to disk before the step and another after it, so
 * the next run knows which steps were interrupted.
 *
 * Lines contain names and hashes, never a secret. At each start, and when the file has grown, it is rewritten with only
 * the open steps. The modules that use the journal decide what an interrupted step means.
 */
import {
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import * as z from 'zod'
import { CatchdError } from '../failures.js'

/** Facts about a step: only names, ids and hashes. */
export type StepFacts = Readonly<Record<string, string>>

const Line = z.union([
  z.object({ begun: z.string(), facts: z.record(z.string(), z.string()) }),
  z.object({ ended: z.string() }),
])
type Line = z.infer<typeof Line>

/** Lines after which the file is rewritten. */
const MOST_LINES = 2_000

const sync = promisify(fdatasync)

export class StepJournal {
  readonly #file: string
  #descriptor: number | undefined
  readonly #open = new Map<string, StepFacts>()
  #interrupted: ReadonlyMap<string, StepFacts> = new Map()
  #lines = 0

  constructor(file: string) {
    this.#file = file
  }

  /** Reads the steps that the last run left open. Called once, by the only daemon of a home. */
  open(): void {
    this.#interrupted = readOpenSteps(this.#file)
    for (const [step, facts] of this.#interrupted) this.#open.set(step, facts)
    this.#rewrite()
  }

  /** The steps that the last run began but did not end. */
  get interrupted(): ReadonlyMap<string, StepFacts> {
    return this.#interrupted
  }

  /** Resolves when the line is on disk. The step may be done after that. @throws the file system's error */
  async begun(step: string, facts: StepFacts): Promise<void> {
    this.#open.set(step, facts)
    this.#append({ begun: step, facts })
    await sync(this.#opened())
  }

  /** If this line is lost, the step only looks interrupted. @throws the file system's error */
  ended(step: string): void {
    if (!this.#open.delete(step)) return
    this.#append({ ended: step })
    if (this.#lines > MOST_LINES + this.#open.size) this.#rewrite()
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #append(entry: Line): void {
    writeSync(this.#opened(), lineOf(entry))
    this.#lines += 1
  }

  /** Replaces the whole file. A crash leaves either the old journal or the new one. */
  #rewrite(): void {
    const lines = [...this.#open].map(([begun, facts]) => lineOf({ begun, facts }))
    writeFileSync(`${this.#file}.new`, lines.join(''), { mode: 0o600, flush: true })
    renameSync(`${this.#file}.new`, this.#file)
    syncFolder(dirname(this.#file))
    this.close()
    this.#descriptor = openSync(this.#file, 'a', 0o600)
    this.#lines = lines.length
  }

  #opened(): number {
    if (this.#descriptor === undefined) throw new CatchdError('internal', 'The journal is not open.')
    return this.#descriptor
  }
}

/** Without this, the old file can come back after a power failure. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function lineOf(entry: Line): string {
  return `${JSON.stringify(entry)}\n`
}

function readOpenSteps(file: string): Map<string, StepFacts> {
  const open = new Map<string, StepFacts>()
  for (const text of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
    const entry = parseLine(text)
    if (entry === undefined) continue
    if ('begun' in entry) open.set(entry.begun, entry.facts)
    else open.delete(entry.ended)
  }
  return open
}

/** After a crash the last line can be incomplete. It was not synced then, so its step was not done. */
function parseLine(text: string): Line | undefined {
  try {
    return Line.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
