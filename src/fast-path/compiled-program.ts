/**
 * Runs a large CommonJS file with the code that V8 compiled of it earlier: otherwise compiling takes a third of the time
 * in which the daemon starts. (Newer Node.js has `module.enableCompileCache` for this; Node.js 20 has not.)
 *
 * The compiled code is stored beside the program, like Python's `__pycache__`: anybody who can write there can change the
 * program itself. If the folder is not writable, nothing is stored, and the start is slower. V8 refuses code of another
 * version of itself; the file name contains the build and the version of Node.js.
 */
import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

/** The file is written again only if the compiled code grew by this factor. */
const WORTH_IT = 1.1

export interface CompiledProgram<Exports> {
  readonly exports: Exports
  /** Whether no compiled code was stored, or V8 refused it. */
  readonly isNew: boolean
  /** Stores the code that is compiled by now, if it is more than was stored. Never throws. */
  keep(): void
}

/**
 * @param file - Absolute path of a CommonJS module in ASCII, without `import()`, for which stored code has no loader in
 *   Node.js 20 (scripts/build.mjs turns it into `require`).
 * @param build - Changes with every change of the file: V8 itself compares only its length.
 */
export function runCompiled<Exports>(file: string, build: string): CompiledProgram<Exports> {
  const kept = file.replace(/\.cjs$/, `-${build}-${process.version}-${process.arch}.compiled`)
  const source = readFileSync(file, 'latin1') // it is ASCII, which V8 stores with one byte per character
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

/** V8 does not check the code, so a file that a crash of the machine left incomplete must not reach it. */
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

/** Replaced in one step, so that another start never reads half of it. */
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
