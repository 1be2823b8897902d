/**
 * System packages that only some tests need. A missing one skips those tests with a printed reason; with
 * TEST_REQUIRE_ALL=1 (continuous integration) it is a failure instead.
 */
import { execFileSync } from 'node:child_process'

/** Whose modules are the distribution's, whatever python3 is first on the PATH. */
export const SYSTEM_PYTHON = '/usr/bin/python3'

/** @returns Why the tests cannot run here, or `undefined` when every command is installed. */
export function needs(...commands: string[]): string | undefined {
  return without(commands.filter((command) => !isInstalled(command)))
}

/** The same for modules of the system's Python. */
export function needsPython(...modules: string[]): string | undefined {
  const isThere = (name: string) => succeeds(SYSTEM_PYTHON, ['-c', `import ${name}`])
  return without(modules.filter((name) => !isThere(name)).map((name) => `Python's ${name}`))
}

/** The same for a package with native code, which may find no library of the system to load. */
export function needsNative(name: string): string | undefined {
  const loads = succeeds(process.execPath, ['--eval', `require(${JSON.stringify(name)})`])
  return without(loads ? [] : [`a library that ${name} loads`])
}

function without(missing: readonly string[]): string | undefined {
  if (missing.length === 0) return undefined
  const reason = `skipped: not installed here: ${missing.join(', ')}`
  if (process.env['TEST_REQUIRE_ALL'] === '1') throw new Error(reason)
  console.warn(reason)
  return reason
}

/**
 * For tools that no package of the distribution brings, or none that is new enough: tried where they are, and said
 * where not, whatever TEST_REQUIRE_ALL says.
 */
export function isHere(command: string): boolean {
  const found = isInstalled(command)
  if (!found) console.warn(`not tried, since it is not installed here: ${command}`)
  return found
}

/**
 * The same for one whose older versions cannot be tried.
 *
 * @param asked - Command and arguments that print the version.
 * @param version - Finds two numbers in that.
 */
export function isNewer(
  [command, ...args]: readonly [string, ...string[]],
  version: RegExp,
  [major, minor]: readonly [number, number],
): boolean {
  if (!isHere(command)) return false
  const printed = execFileSync(command, args, { encoding: 'utf8' })
  const [, one = '0', two = '0'] = version.exec(printed) ?? []
  const isNew = Number(one) > major || (Number(one) === major && Number(two) >= minor)
  if (!isNew) console.warn(`not tried, since it is too old here: ${printed.trim()}`)
  return isNew
}

/** `kubectl`, from one version on. */
export function isKubectl(...version: readonly [number, number]): boolean {
  return isNewer(['kubectl', 'version', '--client'], /v(\d+)\.(\d+)/, version)
}

/** `aws` that knows AWS_ENDPOINT_URL_STS; an older one takes a web identity to AWS itself. */
export function isAwsWithEndpoints(): boolean {
  return isNewer(['aws', '--version'], /botocore\/(\d+)\.(\d+)/, [1, 31])
}

/** `git` that sends other schemes than Basic (`authtype`). */
export function isGitWithTypes(): boolean {
  return isNewer(['git', '--version'], /version (\d+)\.(\d+)/, [2, 46])
}

/** `go` that runs a command of `GOAUTH`, and again after a refusal. */
export function isGoWithAuth(): boolean {
  return isNewer(['go', 'version'], /go(\d+)\.(\d+)/, [1, 24])
}

export function isInstalled(command: string): boolean {
  return succeeds('/bin/sh', ['-c', 'command -v "$0"', command])
}

function succeeds(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', cwd: import.meta.dirname })
    return true
  } catch {
    return false
  }
}
