/** Input from the terminal or from a pipe. */
import { createInterface } from 'node:readline'

/**
 * @param prompt - Printed on stderr if stdin is a terminal.
 * @returns The next line without its end, or `undefined` at the end of the input.
 * @throws the reason of `signal`
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
    lines.once('line', (line) => {
      resolve(line)
      lines.close()
    })
    lines.once('close', () => {
      // This program must be able to end while the other end of the pipe is still open.
      stdin.unref?.()
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
 * @throws Error if it is longer than 64 KiB
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
