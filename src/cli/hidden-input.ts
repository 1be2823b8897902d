/** Questions whose answer must not be visible. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { CatchdError } from '../failures.js'

/**
 * Reads a line from the terminal without showing it.
 *
 * @param next - The command of a failure.
 * @throws CatchdError `request_invalid` for an empty line, or at the end of the input; the reason of `signal`
 */
export async function readHidden(
  prompt: string,
  { signal, next }: { readonly signal: AbortSignal; readonly next: string },
): Promise<string> {
  signal.throwIfAborted()
  const { stdin, stderr } = process
  stderr.write(prompt)
  // readline echoes to its output. This one takes everything and shows nothing.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 })
  try {
    const line = await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      lines.once('line', resolve)
      lines.once('close', () => resolve(''))
      // In raw mode, Ctrl-C does not send a signal.
      lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    })
    if (line !== '') return line
  } finally {
    lines.close()
    stderr.write('\n')
  }
  throw new CatchdError('request_invalid', { detail: 'Nothing was entered. Nothing was changed.', next })
}
