/** Whether the daemon is a service of this user, whether that is switched on, and whether it starts this very program. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { ServicePlan } from '../service/plan.js'
import { type Finding, ok, warn } from './finding.js'

export interface ServiceState {
  /** What is installed in place of the plan's first file; `undefined` when nothing is. */
  readonly installed: string | undefined
  readonly isEnabled: boolean
}

/** A service manager that is there answers at once. */
const ANSWERS_WITHIN_MS = 3_000

/** @param programs - Absolute paths of Node.js and of the program, which the service is to start. */
export async function examineService(plan: ServicePlan, programs: readonly string[]): Promise<Finding> {
  const [file] = plan.files
  const installed =
    file === undefined ? undefined : await readFile(file.path, file.encoding ?? 'utf8').catch(() => undefined)
  const [program, ...args] = plan.query
  const isEnabled =
    installed !== undefined &&
    (await promisify(execFile)(program, args, { timeout: ANSWERS_WITHIN_MS, windowsHide: true }).then(
      () => true,
      () => false,
    ))
  return judgeService(plan, programs, { installed, isEnabled })
}

export function judgeService(
  { kind, files }: Pick<ServicePlan, 'kind' | 'files'>,
  programs: readonly string[],
  { installed, isEnabled }: ServiceState,
): Finding {
  if (installed === undefined)
    return ok('service', 'Not installed: the command that needs the daemon starts it.')
  const next = 'catchd service install'
  if (!isEnabled)
    return warn('service', `The files of the ${kind} are there, and it is not switched on.`, next)
  const planned = files[0]?.content.split('\n') ?? []
  const isOurs = planned
    .filter((line) => programs.some((path) => line.includes(path)))
    .every((line) => installed.includes(line))
  return isOurs
    ? ok('service', `${kind}, switched on`)
    : warn('service', `The ${kind} starts another Node.js or another catchd than this one.`, next)
}
