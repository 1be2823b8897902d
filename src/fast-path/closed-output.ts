/** What becomes of a program whose output is no longer read, or cannot be written. */

/** To be called before the first output. */
export function surviveClosedOutput(): void {
  process.stdout.on('error', endQuietly)
  process.stderr.on('error', () => {}) // nowhere left to complain
}

/** `catchd status | head -1`: who stopped reading has what they wanted. A full disk is a failure. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  process.exitCode = 1
  process.stderr.write(`catchd: The output cannot be written (${error.code}).\n`)
}
