import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { harmless, runCommand } from '../../src/notices/command.js'

const environment = harmless(process.env)
const node = (script: string, ...args: string[]) => ({
  command: [process.execPath, '-e', script, ...args],
  environment,
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'catchd-command-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a command gets its arguments as they are, no shell between', async () => {
  const file = join(folder(), 'out')
  const words = ['$(touch x)', '; exit 1', '"', "'", '*', '']
  const script = 'require("fs").writeFileSync(process.argv[1], JSON.stringify(process.argv.slice(2)))'
  expect(await runCommand(node(script, file, ...words))).toBeNull()
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(words)
})

test('stdin is closed and output goes nowhere', async () => {
  const script = 'console.log("x".repeat(1e6)); process.stdin.on("end", () => process.exit(4)).resume()'
  expect(await runCommand(node(script))).toBe('exit_4')
})

describe('what goes wrong is a code', () => {
  test('no such program', async () => {
    expect(await runCommand({ command: ['/nonexistent/tell'], environment })).toBe('ENOENT')
    expect(await runCommand({ command: ['catchd-no-such-program'], environment })).toBe('ENOENT')
  })

  test.skipIf(process.platform === 'win32')('a file that may not be run', async () => {
    const file = join(folder(), 'tell')
    writeFileSync(file, '#!/bin/sh\n', { mode: 0o600 })
    expect(await runCommand({ command: [file], environment })).toBe('EACCES')
  })

  test('a command without a program, and one with a character that no program can have', async () => {
    expect(await runCommand({ command: [], environment })).toMatch(/^[A-Z_]+$/)
    expect(await runCommand({ command: ['a\0b'], environment })).toMatch(/^[A-Z_]+$/)
  })

  test('an exit code, a signal', async () => {
    expect(await runCommand(node('process.exit(3)'))).toBe('exit_3')
    expect(await runCommand(node('process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 9e3)'))).toBe(
      'SIGTERM',
    )
  })
})

test.skipIf(process.platform === 'win32')(
  'one that takes too long is ended with what it started, although they ignore signals',
  async () => {
    const pids = join(folder(), 'pids')
    const script =
      'trap "" TERM; echo $$ >> "$0"; sh -c "trap \\"\\" TERM; echo \\$\\$ >> \\"$0\\"; sleep 60"; sleep 60'
    const call = { command: ['/bin/sh', '-c', script, pids], environment }
    expect(await runCommand({ ...call, deadlineMs: 3_000 })).toBe('timeout')
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    expect(started).toHaveLength(2)
    for (const pid of started) await untilGone(pid)
  },
)

test('one that is cut off by the end of the daemon', async () => {
  const ending = new AbortController()
  const running = runCommand({ ...node('setTimeout(() => {}, 60_000)'), signal: ending.signal })
  setTimeout(() => ending.abort(), 50)
  expect(await running).toBe('SIGKILL')
  expect(await runCommand({ ...node(''), signal: ending.signal })).toBe('aborted')
})

test('only what is known to be harmless is passed on', () => {
  const given = {
    PATH: '/bin',
    HOME: '/home/a',
    LANG: 'C',
    LC_ALL: 'C',
    DISPLAY: ':0',
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1/bus',
    XDG_RUNTIME_DIR: '/run/user/1',
    CATCHD_HOME: '/x',
  }
  const kept = {
    GW_SECRET: 's',
    CATCHD_API_KEY: 'k',
    CATCHD_VAULT_PASSPHRASE_FILE: '/p',
    HTTPS_PROXY: 'http://u:p@proxy',
    AWS_SECRET_ACCESS_KEY: 'a',
    NODE_OPTIONS: '--inspect',
    LD_PRELOAD: 'x.so',
    XDG_SESSION_COOKIE: 'c',
    PATHOLOGY: 'x',
  }
  expect(harmless({ ...given, ...kept })).toEqual(given)
  expect(harmless({ Path: 'C:\\', SystemRoot: 'C:\\Windows' })).toEqual({
    Path: 'C:\\',
    SystemRoot: 'C:\\Windows',
  })
})

/** A process may be a zombie for a moment. */
async function untilGone(pid: number): Promise<void> {
  const giveUpAtMs = Date.now() + 60_000
  for (;;) {
    try {
      process.kill(pid, 0)
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return
    } catch {
      return
    }
    if (Date.now() > giveUpAtMs) throw new Error(`Process ${pid} goes on.`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
