/** `catchd service install|uninstall|status`: the daemon as a service of this user. src/service makes the plan. */
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { dirname, isAbsolute } from 'node:path'
import { promisify } from 'node:util'
import type { Command } from '@commander-js/extra-typings'
import { CatchdError } from '../failures.js'
import { launchdPlan } from '../service/launchd.js'
import { environmentToKeep, type ServicePlan, type ServiceSetup } from '../service/plan.js'
import { systemdPlan } from '../service/systemd.js'
import { windowsTaskPlan } from '../service/windows-task.js'
import { shellWord } from '../text/shell-word.js'
import type { Context } from './context.js'
import { printJson, printNote, printResult, styled } from './output.js'

/** The commands of the platform normally need much less time. */
const COMMAND_DEADLINE_MS = 30_000

export function define(command: Command, context: Context): void {
  command
    .command('install')
    .summary('write the service of this platform and switch it on')
    .option('--print', 'print the files and commands, change nothing')
    .option('--json', 'print the result as JSON')
    .action(async ({ print, json }) => {
      const plan = await servicePlan(context)
      if (print) return json ? printJson(plan) : printPlan(plan)
      await install(context, plan)
      if (json) return printJson({ kind: plan.kind, enabled: true, files: pathsOf(plan) })
      printResult(styled('green', `Installed: ${plan.kind}`))
      printNote(pathsOf(plan).map((path) => `  ${path}`))
      if (plan.kind === 'systemd user service') printNote('The first connection starts the daemon.')
    })
  command
    .command('uninstall')
    .summary('switch the service off and remove its files')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }) => {
      const plan = await servicePlan(context)
      for (const command of plan.disable) await run(command)
      for (const path of pathsOf(plan)) await rm(path, { force: true })
      for (const command of plan.afterRemoval) await run(command)
      if (json) printJson({ kind: plan.kind, enabled: false })
      else printResult(`Removed: ${plan.kind}`)
    })
  command
    .command('status')
    .summary('show whether the service is switched on')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }) => {
      const plan = await servicePlan(context)
      const enabled = await isSwitchedOn(plan)
      if (json) return printJson({ kind: plan.kind, enabled, files: pathsOf(plan) })
      printResult(`${plan.kind}: ${enabled ? 'switched on' : 'not installed'}`)
      if (!enabled) printNote('  → catchd service install')
    })
}

async function install(context: Context, plan: ServicePlan): Promise<void> {
  refuseTemporaryProgram(context.mainFile)
  await stopRunning(context)
  for (const { path, content, encoding = 'utf8' } of plan.files) {
    await mkdir(dirname(path), { recursive: true })
    // The file can contain a proxy's password.
    await writeFile(path, content, { encoding, mode: 0o600 })
  }
  for (const command of plan.enable) {
    const failure = await run(command)
    if (failure !== undefined) throw notEnabled(plan, command, failure)
  }
}

/** Files alone start nothing: without a service manager they cannot be switched on. */
export async function isSwitchedOn({ query }: ServicePlan): Promise<boolean> {
  return (await run(query)) === undefined
}

/** The plan for this platform. @throws CatchdError `config_invalid` if the environment cannot be used */
export async function servicePlan(context: Context): Promise<ServicePlan> {
  const setup = await setupOf(context)
  switch (process.platform) {
    case 'darwin':
      return launchdPlan(setup)
    case 'win32':
      return windowsTaskPlan(setup, context.folders.stateFolder, userInfo().username)
    default:
      return systemdPlan(setup)
  }
}

async function setupOf(context: Context): Promise<ServiceSetup> {
  const { folders, mainFile } = context
  const { apiPort, redirectPort } = await context.settings()
  const configHome = process.env['XDG_CONFIG_HOME'] ?? ''
  return {
    node: process.execPath,
    program: mainFile,
    homeFolder: homedir(),
    configHome: isAbsolute(configHome) ? configHome : undefined,
    userId: process.getuid?.() ?? 0,
    socketPath: folders.socketPath,
    apiPort,
    redirectPort,
    environment: environmentToKeep(process.env),
  }
}

/** npx runs programs from a cache folder, which it can delete at any time. */
function refuseTemporaryProgram(program: string): void {
  if (!program.split(/[\\/]/).includes('_npx')) return
  throw new CatchdError('request_invalid', {
    detail: 'npx started this catchd from a temporary folder, which may be deleted. Install catchd first.',
    next: 'npm install --global catchd',
  })
}

/** The service needs the daemon's addresses. */
async function stopRunning(context: Context): Promise<void> {
  try {
    await context.localClient().stop()
    printNote('The running daemon was stopped. The service replaces it.')
  } catch (error) {
    if (!(error instanceof CatchdError) || error.code !== 'daemon_unreachable') throw error
  }
}

/** @returns The cause of a failure; `undefined` if the command succeeded. */
async function run([program, ...args]: readonly [string, ...string[]]): Promise<string | undefined> {
  try {
    await promisify(execFile)(program, args, { timeout: COMMAND_DEADLINE_MS, windowsHide: true })
    return undefined
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: string | number }
    return stderr.trim().split('\n')[0] || `it ended with ${code ?? 'a signal'}`
  }
}

function notEnabled(plan: ServicePlan, command: readonly string[], failure: string): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `The files of the ${plan.kind} were written, but it could not be switched on: ${inShell(command)}: ${failure}`,
    next: inShell(command),
  })
}

function printPlan(plan: ServicePlan): void {
  for (const { path, content } of plan.files)
    printResult([`# ${path}`, ...content.replace(/^\uFEFF/, '').split(/\r?\n/)])
  for (const command of plan.enable) printResult(`# then: ${inShell(command)}`)
}

function inShell(command: readonly string[]): string {
  return command.map((word) => shellWord(word)).join(' ')
}

function pathsOf({ files }: ServicePlan): string[] {
  return files.map(({ path }) => path)
}
