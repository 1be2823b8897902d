/**
 * Running a large CommonJS file with what V8 compiled of it before: without that, compiling is a third of the time in
 * which the daemon starts. (`module.enableCompileCache` of newer Node.js would do, but Node.js 20 has none.)
 *
 * The compiled code lies beside the program, as Python keeps its `__pycache__`: whoever can write there can change the
 * program itself, so that nobody else has to be trusted. Where that folder cannot be written there is none, and the start
 * is slower. V8 refuses code of another version of itself; the name tells builds and versions of Node.js apart.
 */
import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

/** What differs less is not written again. */
const WORTH_IT = 1.1

export interface CompiledProgram<Exports> {
  readonly exports: Exports
  /** Whether nothing was kept before, or nothing that V8 takes. */
  readonly isNew: boolean
  /** Keeps what was compiled until now for the next start, where that is more than was kept. Never throws. */
  keep(): void
}

/**
 * @param file - Absolute path of a CommonJS module in ASCII, without `import()`: to code that was kept Node.js 20 has no
 *   loader to offer (scripts/build.mjs turns it into `require`).
 * @param build - Changes with every change of the file: V8 itself compares only its length.
 */
export function runCompiled<Exports>(file: string, build: string): CompiledProgram<Exports> {
  const kept = file.replace(/\.cjs$/, `-${build}-${process.version}-${process.arch}.compiled`)
  const source = readFileSync(file, 'latin1') // it is ASCII, and V8 holds it with a byte a character
  const cachedData = readIfThere(kept)
  const script = new Script(`(function (exports, require, module, __filename, __dirname) { ${source}\n})`, {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  })
  const module = { exports: {} as Exports }
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file))
  const keptBytes = script.cachedDataRejected === true ? 0 : (cachedData?.length ?? 0)
  return {
    exports: module.exports,
    isNew: keptBytes === 0,
    keep() {
      const compiled = script.createCachedData()
      if (compiled.length > keptBytes * WORTH_IT) write(kept, compiled)
    },
  }
}

/** V8 believes what it is given: what a crash of the machine left half written must not reach it. */
function readIfThere(path: string): Buffer | undefined {
  try {
    const kept = readFileSync(path)
    const compiled = kept.subarray(DIGEST_BYTES)
    return digestOf(compiled).equals(kept.subarray(0, DIGEST_BYTES)) ? compiled : undefined
  } catch {
    return undefined
  }
}

const DIGEST_BYTES = 32

function digestOf(compiled: Buffer): Buffer {
  return createHash('sha256').update(compiled).digest()
}

/** In one step: another start must not read half of it. */
function write(path: string, compiled: Buffer): void {
  const unfinished = `${path}.${process.pid}`
  try {
    writeFileSync(unfinished, Buffer.concat([digestOf(compiled), compiled]), { flag: 'wx' })
    chmodSync(unfinished, 0o644) // as readable as the program, whatever the umask
    renameSync(unfinished, path)
  } catch {
    rmSync(unfinished, { force: true })
  }
}
