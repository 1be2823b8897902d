/**
 * Reads a file that the user names: a secret, a key, a certificate, the configuration, something to import.
 *
 * As in OpenSSH, a file that other users can write is not used, nor a secret that they can read
 * (SECURITY.md#nobody-else-gets-in). The folder counts too: a user who can write to it can replace
 * the file, or a link to it.
 * Root may own a file. A file system that is mounted read-only, as containers get their secrets, is what root made it.
 * Windows keeps a user's files private by access control lists, which are not checked. Messages never quote the content.
 */
import { constants, type Stats } from 'node:fs'
import { access, lstat, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { shellWord } from '../text/shell-word.js'
import { readChecked, systemCode } from './whole-files.js'

export interface NamedFileRule {
  readonly largestKiB: number
  /** What other users may do with the file. `write` is for a text that is only looked at once. */
  readonly others: 'none' | 'read' | 'write'
}

/** Why a file cannot be used. */
export interface FileTrouble {
  /** Follows the path in a sentence, and names the command. */
  readonly cause: string
  /** The command that corrects it. */
  readonly fix?: string
  /** The code of the system, if the file cannot be read. */
  readonly code?: string
}

export const SECRET_FILE: NamedFileRule = { largestKiB: 64, others: 'none' }
export const CERTIFICATE_FILE: NamedFileRule = { largestKiB: 1024, others: 'read' }

/** @param refused - Makes the error that is thrown. */
export async function readNamedFile(
  path: string,
  { largestKiB, others }: NamedFileRule,
  refused: (trouble: FileTrouble) => Error,
): Promise<Buffer> {
  let trouble: FileTrouble | undefined
  try {
    return await readChecked(path, async (stats) => {
      trouble = sizeTrouble(stats, largestKiB) ?? (await othersTrouble(path, stats, others))
      if (trouble !== undefined) throw new Error('refused')
    })
  } catch (error) {
    const code = systemCode(error)
    throw refused(trouble ?? { cause: `cannot be read (${code}).`, code })
  }
}

/** @returns The content as text without one line end: a secret and nothing else. */
export async function readSecretFile(
  path: string,
  refused: (trouble: FileTrouble) => Error,
): Promise<string> {
  const content = await readNamedFile(path, SECRET_FILE, refused)
  const text = content.toString('utf8').replace(/\r?\n$/, '')
  if (text === '') throw refused({ cause: 'is empty.' })
  return text
}

/** Why other users could replace or remove what is in the folder; `undefined` if they cannot. */
export async function folderTrouble(path: string): Promise<FileTrouble | undefined> {
  const user = process.getuid?.()
  if (user === undefined) return undefined
  const { uid, mode } = await stat(path)
  if (uid !== user && uid !== 0) return { cause: `is in ${path}, a folder of another user.` }
  // In a folder like /tmp, only its owner and the file's owner can do that.
  if ((mode & 0o022) === 0 || (mode & 0o1000) !== 0) return undefined
  return corrected(
    `is in ${path}, a folder that other users can write to. Check the file first.`,
    `chmod go-w ${shellWord(path)}`,
  )
}

function sizeTrouble(stats: Stats, largestKiB: number): FileTrouble | undefined {
  if (!stats.isFile()) return { cause: 'is not a file.' }
  if (stats.size <= largestKiB * 1024) return undefined
  return { cause: `is larger than ${sizeInWords(largestKiB)}.` }
}

export function sizeInWords(kib: number): string {
  return kib < 1024 ? `${kib} KiB` : `${kib / 1024} MiB`
}

async function othersTrouble(
  path: string,
  stats: Stats,
  others: NamedFileRule['others'],
): Promise<FileTrouble | undefined> {
  const user = process.getuid?.()
  if (user === undefined || others === 'write') return undefined
  const trouble = modeTrouble(path, stats, user, others) ?? (await placeTrouble(path, user))
  return trouble !== undefined && (await isMountedReadOnly(path)) ? undefined : trouble
}

function modeTrouble(
  path: string,
  { uid, mode }: Stats,
  user: number,
  others: 'none' | 'read',
): FileTrouble | undefined {
  if (uid !== user && uid !== 0) return { cause: 'belongs to another user. Make a copy that belongs to you.' }
  if ((mode & 0o022) !== 0) {
    const fix = `chmod ${others === 'none' ? '600' : 'go-w'} ${shellWord(path)}`
    return corrected('can be changed by other users. Check its content first.', fix)
  }
  // Root decides who reads root's files.
  if (others === 'read' || uid !== user || (mode & 0o077) === 0) return undefined
  return corrected(
    'can be read by other users. If one of them may have read it, replace the secret.',
    `chmod 600 ${shellWord(path)}`,
  )
}

function corrected(cause: string, fix: string): FileTrouble {
  return { cause: `${cause} Run: ${fix}`, fix }
}

/** The folder of the file, and if the path is a link, the link and its folder. */
async function placeTrouble(path: string, user: number): Promise<FileTrouble | undefined> {
  const link = await lstat(path)
  if (link.isSymbolicLink() && link.uid !== user && link.uid !== 0) {
    return { cause: 'is a symbolic link of another user. Use a path of your own.' }
  }
  for (const folder of new Set([dirname(path), dirname(await realpath(path))])) {
    const trouble = await folderTrouble(folder)
    if (trouble !== undefined) return trouble
  }
  return undefined
}

/** Nobody changes a file there, and no chmod either. */
async function isMountedReadOnly(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => false,
    (error: unknown) => systemCode(error) === 'EROFS',
  )
}
