/**
 * System packages that only some tests need. A missing one skips those tests with a printed reason; with
 * TEST_REQUIRE_ALL=1 (continuous integration) it is a failure instead.
 */
import { execFileSync } from 'node:child_process'

/** @returns Why the tests cannot run here, or `undefined` when every command is installed. */
export function needs(...commands: string[]): string | undefined {
  const missing = commands.filter((command) => !isInstalled(command))
  if (missing.length === 0) return undefined
  const reason = `skipped: not installed here: ${missing.join(', ')}`
  if (process.env['TEST_REQUIRE_ALL'] === '1') throw new Error(reason)
  console.warn(reason)
  return reason
}

function isInstalled(command: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$0"', command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
