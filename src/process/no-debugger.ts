/**
 * Keeps Node's inspector closed (SECURITY.md#no-debugger). Every user of the machine can connect to an open inspector
 * and run code as the user of this process. Imported first by each program, for what it does when it is loaded.
 *
 * Two things open the inspector: the signal SIGUSR1, at any time, and options of Node.js or modules that those options
 * load, before the first line of the program.
 */

/**
 * `catchd token` normally ends before the first, so it does not load the inspector's module, which takes some milliseconds.
 * The others are for a busy machine: the thread of Node.js that has seen the signal may get its turn much later.
 */
const CLOSED_AFTER_MS = [100, 1_000, 10_000]

// It replaces Node's own handler, which opens the inspector.
process.on('SIGUSR1', () => {})
if (process.env['NODE_OPTIONS'] || process.execArgv.length > 0) closeInspector()
// The signal may have come before this handler. Node then opens the inspector up to twice: while JavaScript runs, and when
// the event loop looks for events, which it does after a timer and before an immediate.
for (const ms of CLOSED_AFTER_MS) setTimeout(() => setImmediate(closeInspector), ms).unref()

function closeInspector(): void {
  // A Node.js that was built without the inspector does not have the module. An old one does not have the function.
  process.getBuiltinModule?.('node:inspector')?.close()
}
