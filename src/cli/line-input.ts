/** One line from a person or a pipe. */
import { createInterface } from 'node:readline'

/**
 * @param prompt - Shown on stderr, where stdin is a terminal.
 * @returns The next line without its end, or `undefined` at the end of the input.
 * @throws what `signal` was aborted with
 */
export function readLine(prompt: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted()
  const { stdin } = process
  stdin.ref?.()
  // In its raw mode readline lets lines be longer than the 4,096 characters of a terminal's own editing.
  const lines = createInterface({ input: stdin, output: process.stderr, terminal: stdin.isTTY === true })
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason)
      lines.close()
    }
    signal.addEventListener('abort', abort, { once: true })
    lines.once('line', (line) => {
      resolve(line)
      lines.close()
    })
    lines.once('close', () => {
      // Whoever holds the other end of a pipe open must not keep this program from ending.
      stdin.unref?.()
      signal.removeEventListener('abort', abort)
      resolve(undefined)
    })
    // Raw mode keeps Ctrl-C from the process.
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
 * @param end - Nothing is read after it, though the pipe stays open; by default only the end of the input counts.
 * @throws Error when it is longer than 64 KiB
 */
export async function readAll(end?: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > 64 * 1024) throw new Error('stdin is longer than 64 KiB')
    chunks.push(chunk)
    if (end !== undefined && Buffer.concat(chunks).includes(end)) break
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}
