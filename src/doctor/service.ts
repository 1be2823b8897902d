/** Checks the user's service: whether it is installed, whether it is enabled, and whether it starts this program. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { ServicePlan } from '../service/plan.js'
import { type Finding, ok, warn } from './finding.js'

interface ServiceState {
  /** The installed content of the plan's first file; `undefined` if the file does not exist. */
  readonly installed: string | undefined
  readonly isEnabled: boolean
}

/** A service manager that works answers at once. */
const ANSWERS_WITHIN_MS = 3_000

/** @param programs - Absolute paths of Node.js and of the program that the service should start. */
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
    return ok('service', 'Not installed. Commands start the daemon when they need it.')
  const next = 'catchd service install'
  if (!isEnabled) return warn('service', `The ${kind} is installed but is not switched on.`, next)
  const planned = files[0]?.content.split('\n') ?? []
  const isOurs = planned
    .filter((line) => programs.some((path) => line.includes(path)))
    .every((line) => installed.includes(line))
  return isOurs
    ? ok('service', `${kind}, switched on`)
    : warn('service', `The ${kind} starts another Node.js or another catchd than this one.`, next)
}
