/** The package as npm installs it, for programs that are compiled against its declarations. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

export const ROOT = resolve(import.meta.dirname, '../..')
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-types-'))
  // Only what it publishes, so that nothing of the checkout helps out.
  mkdirSync(join(folder, 'node_modules', 'catchd'), { recursive: true })
  for (const name of ['package.json', 'dist']) {
    execFileSync('cp', ['-r', join(ROOT, name), join(folder, 'node_modules', 'catchd', name)])
  }
  install('@types/node')
  install('undici-types')
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Another package beside it. */
export function install(name: string): void {
  const link = join(folder, 'node_modules', name)
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules', name), link)
}

/**
 * @param skipLibCheck - Whether declarations are taken as they are.
 * @returns What the compiler complains of.
 */
export function compile(source: string, skipLibCheck = false): string {
  writeFileSync(join(folder, 'program.ts'), source)
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--skipLibCheck',
    String(skipLibCheck),
  ]
  try {
    const words = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'program.ts']
    execFileSync(process.execPath, words, { cwd: folder, stdio: 'pipe' })
    return ''
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout)
  }
}
