/**
 * Checks folders and files: who owns them, who else can access them, and whether the disk has space left. Nothing is
 * repaired here. src/config/folders.ts and the code that reads each file decide what the daemon does about a problem.
 */
import { constants } from 'node:fs'
import { access, lstat, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Folders } from '../config/folders.js'
import { EXIT } from '../failures.js'
import { systemCode } from '../files/whole-files.js'
import { shellWord } from '../text/shell-word.js'
import { type Finding, fail, ok, warn } from './finding.js'

/** The checked properties of a folder or file; `uid` and `mode` as in stat(2). */
export interface Place {
  readonly isFolder: boolean
  readonly uid: number
  readonly mode: number
}

/** A vault and its journals need a few kilobytes. */
const LITTLE_SPACE_BYTES = 1024 * 1024

/** The daemon refuses to read these files when other users can access them. */
const PRIVATE = /^(admin\.key|clients\.json|vault\.|keychain-index\.json)/

/** src/vault/durable-file.ts gives a damaged file such a name. */
const SET_ASIDE = /\.corrupt-\w+$/

/** @param uid - This user's; `undefined` on Windows, where access control lists keep the user's folders private. */
export function judgeFolder(check: string, path: string, place: Place, uid: number | undefined): Finding {
  const refuse = (detail: string, next: string) => fail(check, EXIT.configuration, detail, next)
  if (!place.isFolder)
    return refuse(`${path} is not a folder.`, `mv ${shellWord(path)} ${shellWord(`${path}.old`)}`)
  if (uid === undefined) return ok(check, path)
  if (place.uid !== uid) return refuse(`${path} belongs to another user.`, `ls -ld ${shellWord(path)}`)
  const fix = `chmod 700 ${shellWord(path)}`
  if ((place.mode & 0o022) !== 0) {
    return refuse(
      `Other users can write to ${path}. Check its contents before you change its permissions.`,
      fix,
    )
  }
  if ((place.mode & 0o700) !== 0o700) {
    return refuse(`The owner of ${path} does not have full access to it.`, fix)
  }
  if ((place.mode & 0o077) === 0) return ok(check, path)
  return warn(
    check,
    `Other users can read ${path}. The daemon removes their access when it starts next.`,
    fix,
  )
}

/** A missing folder is fine if it can be created: catchd creates it when it first needs it. */
export async function checkFolder(check: string, path: string): Promise<Finding> {
  const uid = process.getuid?.()
  try {
    const found = await stat(path)
    const place = { isFolder: found.isDirectory(), uid: found.uid, mode: found.mode }
    return judgeFolder(check, path, place, uid)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOENT') {
      return fail(
        check,
        EXIT.configuration,
        `${path} cannot be used (${code}).`,
        `ls -ld ${shellWord(dirname(path))}`,
      )
    }
    return (await unusableAbove(check, path)) ?? ok(check, `${path} (catchd creates it when needed)`)
  }
}

/** A failure if this user cannot create folders in the nearest parent folder that exists. */
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
    `${path} cannot be created in ${above} (${refusal}).`,
    `ls -ld ${shellWord(above)}`,
  )
}

/** Checks the three folders. On some systems two of them are the same folder, which is checked once. */
export async function checkFolders(folders: Folders): Promise<Finding[]> {
  // Of two names for the same path, the later one stays.
  const names = new Map([
    [folders.runtimeFolder, 'runtime folder'],
    [folders.stateFolder, 'state folder'],
    [folders.configFolder, 'configuration folder'],
  ])
  return Promise.all([...names].reverse().map(([path, name]) => checkFolder(name, path)))
}

/** Checks the files in the state folder, and whether the disk has space for more. */
export async function checkStateFiles(stateFolder: string): Promise<Finding[]> {
  const names = await readdir(stateFolder).catch(() => undefined)
  if (names === undefined) return []
  const findings = (await Promise.all(names.map((name) => checkFile(stateFolder, name)))).flat()
  const { bavail, bsize } = await statfs(stateFolder)
  const space = judgeSpace(stateFolder, bavail * bsize)
  return findings.length === 0
    ? [ok('state files', `${names.length} files, accessible only to their owner`), space]
    : [...findings, space]
}

async function checkFile(folder: string, name: string): Promise<Finding[]> {
  const path = join(folder, name)
  if (SET_ASIDE.test(name)) {
    const detail = `${path} was damaged, so catchd renamed it and used the generation before. If nothing is missing, delete it.`
    return [warn('state files', detail, `rm ${shellWord(path)}`)]
  }
  const found = await lstat(path).catch(() => undefined)
  const uid = process.getuid?.()
  if (found === undefined || uid === undefined || found.isDirectory() || found.isSocket()) return []
  const judge = (detail: string, fix: string) => [
    PRIVATE.test(name)
      ? fail('state files', EXIT.configuration, detail, fix)
      : warn('state files', detail, fix),
  ]
  if (!found.isFile()) return judge(`${path} is not a regular file.`, `ls -l ${shellWord(path)}`)
  if (found.uid !== uid) return judge(`${path} belongs to another user.`, `ls -l ${shellWord(path)}`)
  if ((found.mode & 0o077) === 0) return []
  return judge(
    `Other users can access ${path}. Assume that they have read it.`,
    `chmod 600 ${shellWord(path)}`,
  )
}

/** @param free - Bytes that this user can still write. */
export function judgeSpace(folder: string, free: number): Finding {
  if (free >= LITTLE_SPACE_BYTES) return ok('disk space', `${Math.floor(free / 1024 / 1024)} MiB are free`)
  return fail(
    'disk space',
    EXIT.vault,
    `The disk of ${folder} is full (${Math.floor(free / 1024)} KiB are free), so new tokens cannot be stored. Free some space.`,
    `df -h ${shellWord(folder)}`,
  )
}
