/**
 * A disk of its own for a test, small enough to be filled: a tmpfs. Mounting one takes root; elsewhere the tests
 * that need it are skipped with a printed reason, or fail with TEST_REQUIRE_ALL=1.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  /** Where it is mounted; mode 0700. */
  readonly folder: string
  /** Takes all the space that is left. */
  fill(): Promise<void>
  /** Gives back what {@link SmallDisk.fill} took. */
  free(): Promise<void>
  unmount(): Promise<void>
}

/** Why no disk can be mounted here. */
export const smallDiskReason = tryToMount()

/** @param kibibytes - Its size. */
export async function mountSmallDisk(kibibytes = 1024): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-disk-'))
  mount(folder, kibibytes)
  const filler = join(folder, 'filler')
  return {
    folder,
    async fill() {
      const file = await open(filler, 'w')
      try {
        for (;;) await file.write(Buffer.alloc(4096))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        await file.close()
      }
    },
    free: () => rm(filler, { force: true }),
    async unmount() {
      // Lazily: a process that still ends must not keep the test waiting.
      execFileSync('umount', ['--lazy', folder])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function mount(folder: string, kibibytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k,mode=0700`, 'tmpfs', folder], {
    stdio: 'ignore',
  })
}

function tryToMount(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-disk-'))
  try {
    mount(folder, 64)
    execFileSync('umount', [folder])
    return undefined
  } catch {
    const reason = 'skipped: a tmpfs cannot be mounted here (it takes root)'
    if (process.env['TEST_REQUIRE_ALL'] === '1') throw new Error(reason)
    console.warn(reason)
    return reason
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
