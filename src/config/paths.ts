/** Paths in the configuration: a relative path is relative to its folder, `~/` is the home folder. */
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** @param folder - Absolute path of the folder that the configuration is in. */
export function absolutePath(path: string, folder: string): string {
  if (path.startsWith('~/')) return join(homedir(), path.slice(2))
  return isAbsolute(path) ? path : resolve(folder, path)
}

/** @param command - Program and arguments; a program without a slash stays as it is: it is found in PATH. */
export function withAbsoluteProgram([program = '', ...rest]: readonly string[], folder: string): string[] {
  return [/[\\/]/.test(program) ? absolutePath(program, folder) : program, ...rest]
}
