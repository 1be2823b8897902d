/**
 * How the program starts Node.js processes of its own: the daemon, keytar's process, the processes of the demo. They do
 * not get the variables and options that make Node.js load other code, open its inspector or write down what it does
 * (SECURITY.md#no-debugger). Otherwise a shell with a debugger would affect the daemon for as long as it runs.
 *
 * Programs of the user (`catchd exec`, an editor) get the user's whole environment.
 */

/** Node reads these itself. NODE_EXTRA_CA_CERTS is not in the list: it only adds CAs. */
export const LOADER_VARIABLES = [
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_REPL_EXTERNAL_MODULE',
  'NODE_COMPILE_CACHE',
  'NODE_V8_COVERAGE',
  'NODE_DEBUG',
  'NODE_DEBUG_NATIVE',
] as const

/** Not deleted but `undefined`: Node adds its own NODE_V8_COVERAGE to an environment that does not have the name. */
const NO_LOADERS = Object.fromEntries(LOADER_VARIABLES.map((name) => [name, undefined]))

export function withoutLoaders(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, ...NO_LOADERS }
}

/** @returns The options of Node.js for one of the program's own processes. In the sources, they are what loads TypeScript. */
export function nodeOptions(program: string): readonly string[] {
  if (program.endsWith('.ts')) return process.execArgv
  // On Windows only this option prevents that another process of the user opens the inspector.
  return process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : []
}
