/** Ends the program if its output can no longer be written, for example because a pipe was closed. */

/** Call this before the first output. */
export function surviveClosedOutput(): void {
  process.stdout.on('error', endQuietly)
  process.stderr.on('error', () => {}) // there is nowhere to report it
}

/** With `catchd status | head -1` the reader has all that it wanted. A full disk is a failure. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  process.exitCode = 1
  process.stderr.write(`catchd: The output cannot be written (${error.code}).\n`)
}
