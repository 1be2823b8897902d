/** Processes: how long one takes, and how much memory one holds. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** Reading many certificates at each start would be measured as if it were ours. */
export function withoutExtraAuthorities(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _extra, ...rest } = env
  return rest
}

/** Milliseconds until it has ended. @throws Error when it ends with another exit code than 0 */
export async function timeProcess(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(command, args, { stdio: 'ignore', env })
  const [exitCode] = (await once(child, 'exit')) as [number]
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${exitCode}`)
  return performance.now() - startedAt
}

/** Resident memory in MB; Linux only. */
export function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
