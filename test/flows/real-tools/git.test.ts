/** git and `catchd credential git`: a server behind git's own program, and git's own plumbing for credentials. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startGitServer } from '../../support/git-server.js'
import { isGitWithTypes, needs } from '../../support/needs.js'
import { ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()
const skip = needs('git') !== undefined

/** A system whose profile is for the server's host, and git that asks nobody but catchd. */
async function start(isGood: (password: string) => boolean, schemes?: ('Basic' | 'Bearer')[]) {
  const server = await startGitServer(bench, isGood, schemes)
  const system = await bench.system({ profile: { hosts: [server.host] } })
  await writeFile(
    join(bench.folder, '.gitconfig'),
    '[user]\n name = t\n email = t@example\n[credential]\n helper =\n helper = !catchd credential git\n',
  )
  const env = { ...system.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' }
  return { server, system, git: (line: string) => bench.shell(`git ${line}`, env) }
}

test.skipIf(skip)('clones, pulls and pushes with the token', async () => {
  const good = new Set<string>()
  const { server, system, git } = await start((password) => good.has(password))
  good.add(await system.token())
  expect(await git(`clone --quiet ${server.url} cloned`)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  expect(await readFile(join(bench.folder, 'cloned', 'hello'), 'utf8')).toBe('hello')
  const pushed = await git(
    'clone --quiet cloned other && cd other && echo more > more && git add . && git commit -qm more ' +
      `&& git push --quiet ${server.url} HEAD && cd ../cloned && git pull --quiet ${server.url}`,
  )
  expect(pushed).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await readFile(join(bench.folder, 'cloned', 'more'), 'utf8')).toBe('more\n')
  expect(server.refused).toEqual([])
})

if (!skip && isGitWithTypes()) {
  test.each<[('Basic' | 'Bearer')[]]>([
    [['Basic']],
    [['Bearer']],
    [['Basic', 'Bearer']],
    [['Bearer', 'Basic']],
  ])('git that knows authtype clones from a server that offers %j, at the first try', async (schemes) => {
    const good = new Set<string>()
    const { server, system, git } = await start((token) => good.has(token), schemes)
    const first = await system.token()
    good.add(first)
    expect(await git(`clone --quiet ${server.url} cloned`)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(server.refused).toEqual([])
    // Once the server forgets it, the next try has a new one.
    good.clear()
    expect((await git(`clone --quiet ${server.url} again`)).exitCode).toBe(128)
    expect(server.refused).toEqual([first])
    good.add(await system.token())
    expect(await git(`clone --quiet ${server.url} again`)).toMatchObject({ exitCode: 0 })
  })
}

test.skipIf(skip)('a token that the server refuses is renewed for the next time', async () => {
  const good = new Set<string>()
  const { server, system, git } = await start((password) => good.has(password))
  const first = await system.token()
  const refused = await git(`clone --quiet ${server.url} cloned`)
  expect(refused.exitCode).toBe(128)
  expect(refused.stderr).toContain('Authentication failed')
  expect(server.refused).toEqual([first])
  const second = await system.token()
  expect(second).not.toBe(first)
  good.add(second)
  expect(await git(`clone --quiet ${server.url} cloned`)).toMatchObject({ exitCode: 0 })
})

test.skipIf(skip)('fill, approve and reject are get, store and erase', async () => {
  const { server, system, git } = await start(() => true)
  const token = await system.token()
  const question = `protocol=http\\nhost=${server.host}\\n`
  const filled = await git(`credential fill <<< $'${question}'`)
  expect(filled.stdout).toContain(`username=oauth2\npassword=${token}\n`)
  // An older git leaves the expiry out.
  expect(
    filled.stdout.split('\n').filter((line) => line.startsWith('password_expiry_utc=')).length,
  ).toBeLessThan(2)

  const approved = await git(`credential approve <<< $'${question}username=x\\npassword=kept\\n'`)
  expect(approved).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  expect((await git(`credential fill <<< $'${question}'`)).stdout).not.toContain('kept')

  const rejected = `credential reject <<< $'${question}username=oauth2\\npassword=${token}\\n'`
  expect(await git(rejected)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  const renewed = await system.token()
  expect(renewed).not.toBe(token)
  // Once more, for the token that is gone: another git was faster.
  await git(rejected)
  expect(await system.token()).toBe(renewed)
})

test.skipIf(skip)('for one command alone, whatever the configuration says', async () => {
  const { server, system, git } = await start(() => true)
  await writeFile(join(bench.folder, '.gitconfig'), '[credential]\n helper = "!echo password=other; :"\n')
  const helper = "-c credential.helper= -c 'credential.helper=!catchd credential --profile gw git'"
  const { stdout } = await git(`${helper} credential fill <<< $'protocol=http\\nhost=${server.host}\\n'`)
  expect(stdout).toContain(`password=${await system.token()}\n`)
})

test.skipIf(skip).each([
  ['a host of no profile', 'protocol=https\\nhost=other.example\\n', ''],
  ['plain http elsewhere', 'protocol=http\\nhost=git.example.com\\n', 'it needs https'],
])('%s: git is answered nothing, and goes on to whom it would ask', async (_what, question, said) => {
  const { git } = await start(() => true)
  const { exitCode, stdout, stderr } = await git(`credential fill <<< $'${question}'`)
  expect({ exitCode, stdout }).toEqual({ exitCode: 128, stdout: '' })
  expect(stderr).toContain('could not read Username')
  expect(stderr).toContain(said)
})

test.skipIf(skip)('without a login git shows what to run', async () => {
  const { server, system, git } = await start(() => true)
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const { exitCode, stderr } = await git(`clone --quiet ${server.url} cloned`)
  expect(exitCode).toBe(128)
  expect(stderr).toContain('→ catchd login gw')
})
