/**
 * Global set-up of the test run: builds dist once when a source is newer than it, so that the flows drive the
 * program as it stands.
 */
import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))

export async function setup(): Promise<void> {
  const builtAtMs = await modifiedAtMs(join(root, 'dist/catchd.cjs'))
  const sources = [
    join(root, 'scripts/build.mjs'),
    join(root, 'scripts/page-bundle.mjs'),
    join(root, 'package.json'),
    ...(await filesUnder(join(root, 'src'))),
  ]
  const changedAtMs = Math.max(...(await Promise.all(sources.map(modifiedAtMs))))
  if (builtAtMs > changedAtMs) return
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root })
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** 0 when there is no such file. */
async function modifiedAtMs(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}
