/** The C program token-call.c: both sides are asked in the language of the one's library. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const SOURCE = fileURLToPath(new URL('token-call.c', import.meta.url))

/** Milliseconds of a call, the median of so many in one process. @throws Error when one gives no token */
export type TokenCall = (
  way: 'library' | 'kept' | 'new',
  where: string,
  calls: number,
  env: Record<string, string>,
) => Promise<number>

/** @param folder - Where the program is written. */
export async function compileTokenCall(folder: string): Promise<TokenCall> {
  const program = join(folder, 'token-call')
  await execute('cc', ['-O2', '-o', program, SOURCE, '-l:liboidc-agent.so.4'])
  return async (way, where, calls, env) =>
    Number((await execute(program, [way, where, String(calls)], { env })).stdout)
}
