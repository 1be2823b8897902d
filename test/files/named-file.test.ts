/** What another user of the machine can do with the files that catchd reads and writes: nothing that catchd uses. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TokenFile } from '../../src/cli/token-file.js'
import { type FileTrouble, readNamedFile, SECRET_FILE } from '../../src/files/named-file.js'
import { asOtherUser, otherUserReason } from '../support/other-user.js'

class Refused extends Error {
  readonly trouble: FileTrouble

  constructor(trouble: FileTrouble) {
    super(trouble.cause)
    this.trouble = trouble
  }
}
const read = (path: string) => readNamedFile(path, SECRET_FILE, (trouble) => new Refused(trouble))
const troubleOf = (path: string) =>
  read(path).then(
    () => undefined,
    (error: unknown) => (error as Refused).trouble,
  )

/** A folder that the other user reaches. */
function folderFor(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-named-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, mode)
  return folder
}

test.skipIf(otherUserReason !== undefined)('a file that another user put there is not read', async () => {
  const folder = folderFor(0o1777)
  const path = join(folder, 'secret')
  const made = await asOtherUser('/bin/sh', ['-c', 'umask 077; echo theirs > "$0"', path])
  expect(made.code).toBe(0)
  expect(await troubleOf(path)).toEqual({
    cause: 'belongs to another user. Make a copy that belongs to you.',
  })
})

test.skipIf(otherUserReason !== undefined)('nor what a link of another user leads to', async () => {
  const own = join(folderFor(0o700), 'own')
  writeFileSync(own, 'a secret of another use', { mode: 0o600 })
  const path = join(folderFor(0o1777), 'secret')
  expect((await asOtherUser('/bin/ln', ['-s', own, path])).code).toBe(0)
  const trouble = await troubleOf(path)
  // Linux may refuse it already (fs.protected_symlinks).
  expect(trouble?.code ?? trouble?.cause).toMatch(/EACCES|symbolic link of another user/)
})

test.skipIf(otherUserReason !== undefined)(
  'nor one that another user can put another in the place of',
  async () => {
    const folder = folderFor(0o777)
    const path = join(folder, 'secret')
    writeFileSync(path, 'ours', { mode: 0o600 })
    const trouble = await troubleOf(path)
    expect(trouble?.fix).toBe(`chmod go-w ${folder}`)
    const replace = ['-c', 'mv "$0" "$0.old" && echo theirs > "$0"', path]
    expect((await asOtherUser('/bin/sh', replace)).code).toBe(0)
    rmSync(path)
    writeFileSync(path, 'ours', { mode: 0o600 })
    execFileSync('/bin/sh', ['-c', trouble?.fix ?? ''])
    expect((await read(path)).toString()).toBe('ours')
    expect((await asOtherUser('/bin/sh', replace)).code).not.toBe(0)
  },
)

test.skipIf(otherUserReason !== undefined)(
  'a token file never follows the link of another user',
  async () => {
    const victim = join(folderFor(0o700), 'victim')
    writeFileSync(victim, 'kept', { mode: 0o600 })
    const path = join(folderFor(0o1777), 'token')
    expect((await asOtherUser('/bin/ln', ['-s', victim, path])).code).toBe(0)
    await new TokenFile(path, () => 'at-1').write({} as never).catch(() => {})
    expect(readFileSync(victim, 'utf8')).toBe('kept')
  },
)

test.skipIf(process.getuid === undefined)(
  'the folder of the target counts as much as that of the link',
  async () => {
    const shared = folderFor(0o777)
    writeFileSync(join(shared, 'target'), 'x', { mode: 0o600 })
    const link = join(folderFor(0o700), 'link')
    symlinkSync(join(shared, 'target'), link)
    expect((await troubleOf(link))?.fix).toBe(`chmod go-w ${shared}`)
  },
)

test.skipIf(process.platform === 'win32')(
  'no wait for a named pipe, no device, no folder, no more than is allowed',
  async () => {
    const folder = folderFor(0o700)
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])
    mkdirSync(join(folder, 'folder'))
    for (const path of [pipe, join(folder, 'folder'), '/dev/zero']) {
      expect(await troubleOf(path)).toEqual({ cause: 'is not a file.' })
    }
    const large = join(folder, 'large')
    writeFileSync(large, Buffer.alloc(64 * 1024 + 1), { mode: 0o600 })
    expect(await troubleOf(large)).toEqual({ cause: 'is larger than 64 KiB.' })
    expect(await troubleOf(join(folder, 'gone'))).toEqual({
      cause: 'cannot be read (ENOENT).',
      code: 'ENOENT',
    })
    expect(existsSync(pipe)).toBe(true)
  },
)
