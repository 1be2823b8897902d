/**
 * Folders and files: whose they are, who else can reach them, and whether there is space left. Only looked at,
 * never repaired; what the daemon itself does about each is src/config/folders.ts and the readers of the files.
 */
import { constants } from 'node:fs'
import { access, lstat, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Folders } from '../config/folders.js'
import { EXIT } from '../failures.js'
import { systemCode } from '../files.js'
import { type Finding, fail, ok, warn } from './finding.js'

/** What is looked at of a folder or file; `uid` and `mode` as stat(2) has them. */
export interface Place {
  readonly isFolder: boolean
  readonly uid: number
  readonly mode: number
}

/** A vault and its journals need some kilobytes. */
const LITTLE_SPACE_BYTES = 1024 * 1024

/** Refused by whoever reads them when others can reach them. */
const PRIVATE = /^(admin\.key|clients\.json|vault\.|keychain-index\.json)/

/** @param uid - Of this user; `undefined` on Windows, where access control lists keep the user's folders private. */
export function judgeFolder(check: string, path: string, place: Place, uid: number | undefined): Finding {
  if (!place.isFolder) {
    return fail(check, EXIT.configuration, `${path} is not a folder.`, `mv '${path}' '${path}.old'`)
  }
  if (uid === undefined) return ok(check, path)
  if (place.uid !== uid) {
    return fail(check, EXIT.configuration, `${path} belongs to another user.`, `ls -ld '${path}'`)
  }
  if ((place.mode & 0o022) !== 0) {
    return fail(
      check,
      EXIT.configuration,
      `Other users can write to ${path}. Look at what is in it first.`,
      `chmod 700 '${path}'`,
    )
  }
  if ((place.mode & 0o700) !== 0o700) {
    return fail(check, EXIT.configuration, `${path} cannot be used by its owner.`, `chmod 700 '${path}'`)
  }
  if ((place.mode & 0o077) !== 0) {
    return warn(
      check,
      `Other users can read ${path}; the daemon tightens it at its next start.`,
      `chmod 700 '${path}'`,
    )
  }
  return ok(check, path)
}

/** A folder that is missing is made at the first use, where that is possible. */
export async function checkFolder(check: string, path: string): Promise<Finding> {
  const uid = process.getuid?.()
  try {
    const found = await stat(path)
    const place = { isFolder: found.isDirectory(), uid: found.uid, mode: found.mode }
    return judgeFolder(check, path, place, uid)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOENT') {
      return fail(check, EXIT.configuration, `${path} cannot be used (${code}).`, `ls -ld '${dirname(path)}'`)
    }
    return (await unusableAbove(check, path)) ?? ok(check, `${path}, which is made at the first use`)
  }
}

/** Whether the nearest folder that exists lets this user make more. */
async function unusableAbove(check: string, path: string): Promise<Finding | undefined> {
  let above = dirname(path)
  while ((await stat(above).catch(() => undefined)) === undefined && dirname(above) !== above) {
    above = dirname(above)
  }
  const refusal = await access(above, constants.W_OK | constants.X_OK).then(() => undefined, systemCode)
  if (refusal === undefined) return undefined
  return fail(
    check,
    EXIT.configuration,
    `${path} cannot be made in ${above} (${refusal}).`,
    `ls -ld '${above}'`,
  )
}

/** The three folders, each once: on some systems two of them are one. */
export async function checkFolders(folders: Folders): Promise<Finding[]> {
  const named = new Map<string, string>()
  for (const [name, path] of [
    ['configuration folder', folders.configFolder],
    ['state folder', folders.stateFolder],
    ['runtime folder', folders.runtimeFolder],
  ] as const) {
    if (![...named.values()].includes(path)) named.set(name, path)
  }
  return Promise.all([...named].map(([name, path]) => checkFolder(name, path)))
}

/** Files with secrets in them, and whether anything more can be stored. */
export async function checkStateFiles(stateFolder: string): Promise<Finding[]> {
  const names = await readdir(stateFolder).catch(() => undefined)
  if (names === undefined) return []
  const findings = (await Promise.all(names.map((name) => checkFile(stateFolder, name)))).filter(
    (finding) => finding !== undefined,
  )
  const space = await checkSpace(stateFolder)
  return findings.length === 0
    ? [ok('state files', `${names.length} files, for their owner alone`), space]
    : [...findings, space]
}

async function checkFile(folder: string, name: string): Promise<Finding | undefined> {
  const path = join(folder, name)
  const found = await lstat(path).catch(() => undefined)
  const uid = process.getuid?.()
  if (found === undefined || uid === undefined || found.isDirectory() || found.isSocket()) return undefined
  if (found.uid === uid && found.isFile() && (found.mode & 0o077) === 0) return undefined
  const fix = found.uid === uid && found.isFile() ? `chmod 600 '${path}'` : `ls -l '${path}'`
  const detail = !found.isFile()
    ? `${path} is not a regular file.`
    : found.uid === uid
      ? `Other users can reach ${path}. Consider what is in it as seen by them.`
      : `${path} belongs to another user.`
  return PRIVATE.test(name)
    ? fail('state files', EXIT.configuration, detail, fix)
    : warn('state files', detail, fix)
}

async function checkSpace(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder)
  return judgeSpace(folder, bavail * bsize)
}

/** @param free - Bytes that this user may still write. */
export function judgeSpace(folder: string, free: number): Finding {
  if (free >= LITTLE_SPACE_BYTES) return ok('disk space', `${Math.floor(free / 1024 / 1024)} MiB are free`)
  return fail(
    'disk space',
    EXIT.vault,
    `The disk of ${folder} is full (${Math.floor(free / 1024)} KiB are free): new tokens cannot be stored. Free some space.`,
    `df -h '${folder}'`,
  )
}
