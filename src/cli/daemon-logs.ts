/** `catchd daemon logs`: prints the log file line by line, on a terminal in a form for people. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseJson } from '../client/daemon-error.js'
import { CatchdError } from '../failures.js'
import { escapedInJson } from '../text/printable.js'
import type { Context } from './context.js'
import { printNote, printResult, type Style, styled } from './output.js'

const POLL_MS = 200
const CHUNK_BYTES = 64 * 1024

const LEVEL_STYLE: Readonly<Record<string, Style>> = { warn: 'yellow', error: 'red', fatal: 'red' }

/** @throws CatchdError `config_invalid` if the file cannot be read; Interrupted, with `follow` */
export async function printLog(
  context: Context,
  options: { readonly follow?: true; readonly json?: true },
): Promise<void> {
  const path = join(context.folders.stateFolder, 'catchd.log')
  const pretty = process.stdout.isTTY && !options.json
  const reader = new LogReader(path, (line) =>
    printResult(pretty ? logLineForPeople(line) : escapedInJson(line)),
  )
  let readerGone = false
  process.stdout.once('error', () => {
    readerGone = true
  })
  const found = await reader.readOn()
  if (!found && !options.follow) printNote(`There is no log yet: ${path}`)
  while (options.follow && !readerGone) {
    context.signal.throwIfAborted()
    await delay(POLL_MS)
    await reader.readOn()
  }
}

/** Reads a growing file. After a rotation it continues with the new file. */
class LogReader {
  readonly #path: string
  readonly #print: (line: string) => void
  #position = 0
  #inode: number | undefined
  /** The start of a line. Bytes, because the last character may be incomplete. */
  #rest: Buffer = Buffer.alloc(0)

  constructor(path: string, print: (line: string) => void) {
    this.#path = path
    this.#print = print
  }

  /** @returns Whether there is a file. */
  async readOn(): Promise<boolean> {
    const file = await open(this.#path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new CatchdError('config_invalid', `The log ${this.#path} cannot be read (${error.code}).`)
    })
    if (file === undefined) return false
    try {
      const { ino, size } = await file.stat()
      if (ino !== this.#inode || size < this.#position) {
        this.#inode = ino
        this.#position = 0
        this.#rest = Buffer.alloc(0)
      }
      const buffer = Buffer.alloc(CHUNK_BYTES)
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, this.#position)
        if (bytesRead === 0) return true
        this.#position += bytesRead
        this.#take(buffer.subarray(0, bytesRead))
      }
    } finally {
      await file.close()
    }
  }

  #take(chunk: Buffer): void {
    const all = Buffer.concat([this.#rest, chunk])
    const end = all.lastIndexOf('\n')
    this.#rest = Buffer.from(all.subarray(end + 1))
    if (end < 0) return
    for (const line of all.toString('utf8', 0, end).split('\n')) this.#print(line)
  }
}

/** @returns `14:03:22 warn  login.ended profile=gw code=…`. A line that is not a JSON object stays unchanged. */
export function logLineForPeople(line: string): string {
  const entry = parseJson(line)
  if (typeof entry !== 'object' || entry === null) return line
  const { time, level, event: name, ...rest } = entry as Record<string, unknown>
  const members = Object.entries(rest).map(([key, value]) => `${key}=${memberText(value)}`)
  const label = String(level ?? '').padEnd(5)
  const style = LEVEL_STYLE[String(level)]
  return [
    styled('dim', String(time ?? '').replace(/^.*T|\.\d+Z$|Z$/g, '')),
    style === undefined ? label : styled(style, label),
    styled('bold', String(name ?? '')),
    members.join(' '),
  ]
    .join(' ')
    .trimEnd()
}

function memberText(value: unknown): string {
  return typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)
}
