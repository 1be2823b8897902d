/**
 * Runs a large CommonJS file with the code that V8 compiled of it earlier: otherwise compiling takes a third of the time
 * in which the daemon starts. (Newer Node.js has `module.enableCompileCache` for this; Node.js 20 has not.)
 *
 * The compiled code is stored beside the program, like Python's `__pycache__`. If the folder is not writable, nothing is
 * stored, and the start is slower. What runs is always the content of the program's file
 * (SECURITY.md#the-program-is-what-runs): stored code is used only with the file that it was compiled of, and only if
 * nobody else could write it. V8 itself compares no more than the length of the file, its own version and its flags.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

/** The file is written again only if the compiled code grew by this factor. */
const WORTH_IT = 1.1

export interface CompiledProgram<Exports> {
  readonly exports: Exports
  /** Whether there was no stored code to use, or V8 refused it. */
  readonly isNew: boolean
  /** Stores the code that is compiled by now, if it is more than was stored. Never throws. */
  keep(): void
}

/**
 * @param file - Absolute path of a CommonJS module in ASCII, without `import()`, for which stored code has no loader in
 *   Node.js 20 (scripts/build.mjs turns it into `require`).
 */
export function runCompiled<Exports>(file: string): CompiledProgram<Exports> {
  const kept = file.replace(/\.cjs$/, `-${process.version}-${process.arch}.compiled`)
  const content = readFileSync(file)
  const program = { file, digest: digestOf(content) }
  const cachedData = readKept(kept, program)
  // It is ASCII, which V8 stores with one byte per character.
  const source = content.toString('latin1')
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
      if (compiled.length > keptBytes * WORTH_IT) write(kept, program, compiled)
    },
  }
}

interface Program {
  readonly file: string
  /** Of its content. */
  readonly digest: Buffer
}

/** V8 does not check the code, so a file that a crash of the machine left incomplete must not reach it. */
function readKept(path: string, program: Program): Buffer | undefined {
  try {
    const kept = readTrusted(path, program.file)
    const compiled = kept?.subarray(DIGEST_BYTES)
    if (kept === undefined || compiled === undefined) return undefined
    return digestOf(program.digest, compiled).equals(kept.subarray(0, DIGEST_BYTES)) ? compiled : undefined
  } catch {
    return undefined
  }
}

/**
 * Other users can write into some folders (`/tmp`) without being able to change the program there.
 *
 * @returns `undefined` if anybody but this user, root and the owner of the program could write the file.
 */
function readTrusted(path: string, program: string): Buffer | undefined {
  const own = process.geteuid?.()
  if (own === undefined) return readFileSync(path)
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { uid, mode } = fstatSync(descriptor)
    const isTrusted = (mode & 0o022) === 0 && [own, 0, statSync(program).uid].includes(uid)
    return isTrusted ? readFileSync(descriptor) : undefined
  } finally {
    closeSync(descriptor)
  }
}

const DIGEST_BYTES = 32

/** The digest before the code says that the code is whole, and of which program it is. */
function digestOf(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Replaced in one step, so that another start never reads half of it. */
function write(path: string, program: Program, compiled: Buffer): void {
  const unfinished = `${path}.${process.pid}`
  try {
    writeFileSync(unfinished, Buffer.concat([digestOf(program.digest, compiled), compiled]), { flag: 'wx' })
    chmodSync(unfinished, 0o644) // as readable as the program, whatever the umask
    renameSync(unfinished, path)
  } catch (error) {
    const isOfAnother = (error as NodeJS.ErrnoException).code === 'EEXIST'
    if (!isOfAnother) rmSync(unfinished, { force: true })
  }
}
