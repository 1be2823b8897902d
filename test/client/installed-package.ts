/** The package as npm installs it, for programs that are compiled against its declarations. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Compiles a program in a new folder that contains only what the package publishes, and no other file of the checkout.
 *
 * @param others - Other packages that the program uses. With them, their declarations are not checked.
 * @returns The errors of the compiler.
 */
export function compile(source: string, others: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-types-'))
  try {
    mkdirSync(join(folder, 'node_modules', 'catchd'), { recursive: true })
    for (const name of ['package.json', 'dist']) {
      execFileSync('cp', ['-r', join(ROOT, name), join(folder, 'node_modules', 'catchd', name)])
    }
    for (const name of ['@types/node', 'undici-types', ...others]) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), link)
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'program.ts'), source)
    const options = `--strict --noEmit --module nodenext --target es2022 --types node --skipLibCheck ${others.length > 0}`
    const words = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options.split(' '), 'program.ts']
    execFileSync(process.execPath, words, { cwd: folder, stdio: 'pipe' })
    return ''
  } catch (error) {
    const { stdout } = error as { stdout?: Buffer }
    if (stdout === undefined) throw error
    return String(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
