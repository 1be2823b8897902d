/** Completing a command line: by the program itself, and through the shells' scripts. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { needs } from '../../support/needs.js'
import { PROGRAM } from '../../support/program.js'
import { fakeDaemon, run } from '../run.js'

const profile = (name: string) => ({ profile: name, configuration: {}, status: 'logged_in' })

const daemon = () =>
  fakeDaemon({ 'GET /v1/profiles': { body: { profiles: [profile('gw'), profile('github')] } } })

const complete = async (...words: string[]) => {
  const { stdout } = await run(await daemon(), ['completion', 'candidates', '--', ...words])
  return stdout.split('\n').filter((line) => line !== '')
}

describe('candidates', () => {
  test.each<[string[], string[]]>([
    [['lo'], ['login', 'logout', 'lock']],
    [
      ['token', 'g'],
      ['gw', 'github'],
    ],
    [['token', 'gw', '--fo'], ['--format']],
    [
      ['token', 'gw', '--format', ''],
      ['raw', 'json', 'header', 'env'],
    ],
    [['token', '--format', 'raw', 'gi'], ['github']],
    [['profile', 'sh'], ['show']],
    [['profile', 'show', 'gw'], ['gw']],
    [['credential', 'ku'], ['kubectl']],
    [
      ['credential', '--profile', ''],
      ['gw', 'github'],
    ],
    [['help', 'sta'], ['status']],
    [
      ['help', 'profile', 's'],
      ['show', 'set-secret'],
    ],
    [['exec', 'gw', '--', 'l'], []],
    [['presets', 'gi'], []],
    [['nonsense', ''], []],
    [['token', 'gw', ''], []],
  ])('%j → %j', async (words, expected) => {
    // It asks the daemon for a moment only. A busy machine may need several.
    await expect.poll(() => complete(...words)).toEqual(expected)
  })

  test('without a daemon there are no names, and none is started', async () => {
    const fake = await daemon()
    await fake.close()
    const { stdout, exitCode } = await run(fake, ['completion', 'candidates', '--', 'token', ''])
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 })
  })
})

describe('the scripts', () => {
  async function home() {
    const fake = await daemon()
    const bin = join(fake.home, 'bin')
    mkdirSync(bin)
    const text = `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`
    writeFileSync(join(bin, 'catchd'), text)
    chmodSync(join(bin, 'catchd'), 0o755)
    return { PATH: `${bin}:${process.env['PATH']}`, HOME: fake.home, CATCHD_HOME: fake.home }
  }
  /** Asynchronous, because the daemon answers from this process. */
  const sh = async (shell: string, line: string) => {
    const env = await home()
    return new Promise<string>((done) => {
      execFile(shell, ['-c', line], { env }, (_error, stdout, stderr) => done(stdout + stderr))
    })
  }

  test.skipIf(needs('bash') !== undefined)('bash', async () => {
    const line = 'eval "$(catchd completion bash)"; COMP_WORDS=(catchd token g); COMP_CWORD=2; _catchd'
    expect(await sh('bash', `${line}; printf '%s ' "\${COMPREPLY[@]}"`)).toBe('gw github ')
  })

  test.skipIf(needs('fish') !== undefined)('fish', async () => {
    const answer = await sh('fish', 'catchd completion fish | source; complete -C "catchd token gi"')
    expect(answer).toBe('github\n')
  })

  test.skipIf(needs('zsh') !== undefined)('zsh: the script is well-formed', async () => {
    const { stdout } = await run(await daemon(), ['completion', 'zsh'])
    expect(() => execFileSync('zsh', ['-n'], { input: stdout, stdio: 'pipe' })).not.toThrow()
    const line = `autoload -U compinit; compinit -D; eval "$(catchd completion zsh)"; whence -w _catchd`
    expect(await sh('zsh', line)).toContain('_catchd: function')
  })

  test.skipIf(needs('zsh', 'script') !== undefined)(
    'zsh: the Tab key completes the name of a profile',
    async () => {
      const env = { ...(await home()), TERM: 'xterm', LANG: 'C.UTF-8' }
      const child = spawn('script', ['-qfec', 'zsh -f', '/dev/null'], {
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      let screen = ''
      const sees = async (text: string) => {
        while (!screen.includes(text)) {
          const [chunk] = (await once(child.stdout, 'data', { signal: AbortSignal.timeout(15_000) })) as [
            Buffer,
          ]
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal reads
          screen += chunk.toString('utf8').replaceAll(/\x1b\[[0-9;?]*[a-zA-Z]/g, '')
        }
      }
      try {
        child.stdin.write(
          'autoload -U compinit; compinit -D; eval "$(catchd completion zsh)"; print RE""ADY\r',
        )
        await sees('READY')
        child.stdin.write('catchd token gi\t')
        await sees('catchd token github')
      } finally {
        child.kill('SIGKILL')
      }
    },
  )
})
