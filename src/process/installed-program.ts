/** Whether a program can be run by this name: in a folder of PATH, or at this path. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export function isInstalled(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): boolean {
  const folders = /[\\/]/.test(name) ? [''] : (env['PATH'] ?? '').split(delimiter)
  const endings = platform === 'win32' ? ['', '.exe', '.cmd', '.bat'] : ['']
  return folders.some((folder) => endings.some((ending) => isExecutable(join(folder, name + ending))))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile() // a folder is "executable", too
  } catch {
    return false
  }
}
