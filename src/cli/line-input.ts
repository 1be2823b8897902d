/** Input from the terminal or from a pipe. It is bounded, because a program at the other end may never stop. */
import { createInterface } from 'node:readline'
import { CatchdError } from '../failures.js'
import { sizeInWords } from '../files/named-file.js'

const LARGEST_KIB = 64

/**
 * @param prompt - Printed on stderr if stdin is a terminal.
 * @returns The next line without its end, or `undefined` at the end of the input.
 * @throws the reason of `signal`; CatchdError `request_invalid` for a line longer than 64 KiB
 */
export function readLine(prompt: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted()
  const { stdin } = process
  stdin.ref?.()
  // readline uses raw mode. Without it, a terminal limits a line to 4,096 characters.
  const lines = createInterface({ input: stdin, output: process.stderr, terminal: stdin.isTTY === true })
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason)
      lines.close()
    }
    signal.addEventListener('abort', abort, { once: true })
    let size = 0
    const count = (chunk: Buffer | string) => {
      size += chunk.length
      if (size <= LARGEST_KIB * 1024) return
      reject(tooLong(LARGEST_KIB))
      lines.close()
    }
    stdin.on('data', count)
    lines.once('line', (line) => {
      resolve(line)
      lines.close()
    })
    lines.once('close', () => {
      // This program must be able to end while the other end of the pipe is still open.
      stdin.unref?.()
      stdin.off('data', count)
      signal.removeEventListener('abort', abort)
      resolve(undefined)
    })
    // In raw mode, Ctrl-C does not send a signal.
    lines.once('SIGINT', () => {
      process.stderr.write('\n')
      process.kill(process.pid, 'SIGINT')
    })
    if (stdin.isTTY) {
      lines.setPrompt(prompt)
      lines.prompt()
    }
  })
}

/**
 * All of stdin, without one line end.
 *
 * @param end - The text that ends the input, even if the pipe stays open. By default, only the end of the input counts.
 * @param next - The command of a failure.
 * @throws CatchdError `request_invalid` if it is longer than `largestKiB`
 */
export async function readAll({
  end,
  largestKiB = LARGEST_KIB,
  next = 'catchd help',
}: {
  readonly end?: RegExp | undefined
  readonly largestKiB?: number
  readonly next?: string
} = {}): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestKiB * 1024) throw tooLong(largestKiB, next)
    chunks.push(chunk)
    if (end?.test(Buffer.concat(chunks).toString('latin1'))) break
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

function tooLong(kib: number, next = 'catchd help'): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `The input is longer than ${sizeInWords(kib)}.`,
    next,
  })
}
