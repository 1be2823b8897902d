/**
 * Command lines without environment variables, printed to be pasted: for the POSIX shells, fish, and PowerShell, which
 * the terminals of Windows start.
 */
import { posix } from 'node:path'

/** Where the line will be pasted. */
interface Place {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
}

/** @returns The command that takes the variables away from the shell of the user. */
export function unsetCommand(names: Iterable<string>, { platform, env }: Place = process): string {
  if (platform === 'win32') return `Remove-Item ${[...names].map((name) => `Env:${name}`).join(', ')}`
  const unset = posix.basename(env['SHELL'] ?? '') === 'fish' ? 'set -e' : 'unset'
  return [unset, ...names].join(' ')
}

/** @returns The command as it runs without the variables. */
export function withoutVariables(
  names: readonly string[],
  command: string,
  place: Pick<Place, 'platform'> = process,
): string {
  if (place.platform === 'win32') return `${unsetCommand(names, { ...place, env: {} })}; ${command}`
  // A program, so it works in every shell.
  return ['env', ...names.map((name) => `-u ${name}`), command].join(' ')
}
