import { describe, expect, test } from 'vitest'
import { problem, type Routes } from '../client/fake-daemon.js'
import { fakeDaemon, run, start } from './run.js'

const routes: Routes = {
  'GET /v1/tokens/gw': {
    body: { access_token: 'at-1', token_type: 'Bearer', expires_in: 60, expires_at: null, scope: null },
  },
}

const script = (code: string) => ['--', process.execPath, '-e', code]

describe('exec', () => {
  test('the token is in the environment of the command and in nobody’s arguments', async () => {
    const daemon = await fakeDaemon(routes)
    const show = `
      const { readFileSync } = require('node:fs')
      const argv = process.platform === 'linux'
        ? [process.pid, process.ppid].map((pid) => readFileSync('/proc/' + pid + '/cmdline', 'utf8')).join()
        : process.argv.join()
      console.log(process.env.ACCESS_TOKEN, argv.includes(process.env.ACCESS_TOKEN), process.env.MINE)`
    const { exitCode, stdout } = await run(daemon, ['exec', 'gw', ...script(show)], { env: { MINE: 'kept' } })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'at-1 false kept\n' })
  })

  test('the command has the whole environment of the user', async () => {
    const daemon = await fakeDaemon(routes)
    const env = { NODE_OPTIONS: '--no-warnings', NODE_DEBUG: 'x' }
    const show = script('console.log(process.env.NODE_OPTIONS, process.env.NODE_DEBUG)')
    expect((await run(daemon, ['exec', 'gw', ...show], { env })).stdout).toBe('--no-warnings x\n')
  })

  test('--env names the variable, and what follows -- is not ours', async () => {
    const daemon = await fakeDaemon(routes)
    const show = 'console.log(process.env.GW_TOKEN, process.env.ACCESS_TOKEN, process.argv.slice(1).join())'
    const words = ['exec', 'gw', '--env', 'GW_TOKEN', ...script(show), '--', '--env', 'X', '--json']
    const { stdout } = await run(daemon, words)
    expect(stdout).toBe('at-1 undefined --env,X,--json\n')
  })

  test('stdin and the exit code are the command’s', async () => {
    const daemon = await fakeDaemon(routes)
    const code = "process.stdin.on('data', (d) => process.stdout.write(d)).on('end', () => process.exit(42))"
    expect(await run(daemon, ['exec', 'gw', ...script(code)], { stdin: 'hello' })).toEqual({
      exitCode: 42,
      stdout: 'hello',
      stderr: '',
    })
  })

  test('a command that a signal ended is 128 and its number', async () => {
    const daemon = await fakeDaemon(routes)
    const { exitCode } = await run(daemon, ['exec', 'gw', ...script("process.kill(process.pid, 'SIGKILL')")])
    expect(exitCode).toBe(137)
  })

  test('SIGTERM is passed on, and the command may end as it likes', async () => {
    const daemon = await fakeDaemon(routes)
    const code =
      "process.on('SIGTERM', () => process.exit(7)); console.error('up'); setInterval(() => {}, 1e6)"
    const running = start(daemon, ['exec', 'gw', ...script(code)], { stdin: '' })
    await running.said('up')
    running.child.kill('SIGTERM')
    expect((await running.finished()).exitCode).toBe(7)
  })

  test.each([
    ['no-such-command-here', 127],
    ['/', 126],
  ])('%s cannot be run: exit code %i', async (program, expected) => {
    const daemon = await fakeDaemon(routes)
    const { exitCode, stderr } = await run(daemon, ['exec', 'gw', '--', program])
    expect(exitCode).toBe(expected)
    expect(stderr).toContain(program)
    expect(stderr).not.toContain('at-1')
  })

  test.each([
    ['without a command', ['exec', 'gw']],
    ['with a variable that is none', ['exec', 'gw', '--env', 'A B', '--', 'true']],
  ])('%s it is a usage error', async (_name, words) => {
    const daemon = await fakeDaemon(routes)
    expect((await run(daemon, words)).exitCode).toBe(2)
    expect(daemon.calls).toEqual([])
  })

  test('without a token the command is not run', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/tokens/gw': problem('login_required', 409, { profile: 'gw' }),
    })
    const { exitCode, stdout } = await run(daemon, ['exec', 'gw', ...script("console.log('ran')")])
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
  })
})
