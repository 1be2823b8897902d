/**
 * Every block of docs/tools/ is pasted: shell lines into a shell, configuration into the file that the page names,
 * programs into a program. What a page promises is looked at where the tokens arrive.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { FEDERATED_TOKEN } from '../../support/google-sts.js'
import { type MarkdownBlock, markdownBlocks } from '../../support/markdown-blocks.js'
import {
  isAwsWithEndpoints,
  isHere,
  isKubectl,
  needs,
  needsPython,
  SYSTEM_PYTHON,
} from '../../support/needs.js'
import { PasteSession } from '../../support/paste-session.js'
import { STS_KEY } from '../../support/sts-stub.js'
import { HTTPYAC, ToolBench } from '../../support/tool-system.js'
import { linkPackages, startToolWorld, type ToolWorld } from '../../support/tool-world.js'

const ROOT = resolve(import.meta.dirname, '../../..')
const PAGES = readdirSync(join(ROOT, 'docs/tools')).map((name) => `docs/tools/${name}`)
const BLOCKS = PAGES.flatMap((page) => markdownBlocks(join(ROOT, page)))

/** By their exact text, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'gcloud auth login --cred-file="$HOME/gw-executable.json"\n':
    'gcloud comes from Google alone; it reads the file that the libraries read',
  'catchd exec gw -- code .\n': 'an editor with a window',
  'go env -w GOAUTH="catchd credential goauth"\n': 'Debian 12 has Go 1.19, and GOAUTH came with 1.24',
  'bazel build --credential_helper=git.example.com=$HOME/.local/bin/bazel-catchd //...\n':
    'no package brings Bazel; the helper itself is run',
  'get {\n  url: https://api.example.com/orders\n  auth: bearer\n}\n\nauth:bearer {\n  token: {{process.env.ACCESS_TOKEN}}\n}\n':
    '@usebruno/cli is 275 MB; httpyac is run in its place',
}

/** Programs that no package of the system brings, or none that is new enough; their blocks are run where they are. */
const OPTIONAL: readonly (readonly [RegExp, () => boolean])[] = [
  [/^docker /m, () => isHere('docker')],
  [/\bkubectl (?:config|get|--user)/, () => isKubectl(1, 30)],
  [/-- aws |^aws /m, isAwsWithEndpoints],
  [/-- httpyac /, () => needs(HTTPYAC) === undefined],
]

const LANGUAGES = {
  shell: ['sh'],
  console: ['console'],
  file: ['json', 'jsonc', 'yaml', 'ini', 'text', 'http'],
  program: ['ts', 'python'],
}
/** Run by test/flows/mcp-provider.test.ts, at a real MCP server. */
const ONLY_COMPILED = ['docs/tools/mcp.md']

const missing =
  needs('curl', 'http', 'git', 'msmtp', 'mutt', 'aws', 'openssl') ?? needsPython('google.auth', 'requests')

interface Pasted {
  readonly world: ToolWorld
  readonly session: PasteSession
  readonly bench: ToolBench
  readonly token: string
  /** Where each file was written, by the name that the page gives it. */
  readonly files: ReadonlyMap<string, string>
}

/** What must have come of the pasting of each page. */
const CAME_OF: Readonly<Record<string, (pasted: Pasted) => Promise<void> | void>> = {
  'README.md': async ({ session, bench }) => {
    const checks = await session.shell('CATCHD_HOME="$HOME/.config/catchd" catchd doctor --json || true')
    const { status } = JSON.parse(checks).find(({ check }: { check: string }) => check === 'configuration')
    expect(status, bench.folder).toBe('ok')
  },
  'curl-and-scripts.md': ({ world, token }) => {
    expect(world.api.seen).toEqual(Array(5).fill(`Bearer ${token}`))
    expect(world.git.taken).toEqual([token, token])
  },
  'shell.md': ({ world, token }) => expect(world.api.seen).toEqual(Array(4).fill(`Bearer ${token}`)),
  'git.md': async ({ world, token, bench }) => {
    // The first clone is GitHub's.
    expect([...new Set(world.git.taken)]).toEqual([world.job?.emulator.last?.accessToken, token])
    expect(await readFile(join(bench.folder, 'private', 'hello'), 'utf8')).toBe('hello')
    expect(await readFile(join(bench.folder, 'repo', 'hello'), 'utf8')).toBe('hello')
  },
  'docker.md': async ({ world, token }) => {
    if (isHere('docker')) expect(world.registry.passwords).toContain(token)
  },
  'kubectl.md': ({ world }) => {
    if (!isKubectl(1, 30)) return
    // The kubectl of Google's SDK asks for the cluster's version before, as nobody.
    const shown = [...new Set(world.cluster.filter((header) => header !== undefined))]
    expect(shown).toEqual([`Bearer ${world.job?.emulator.last?.idToken}`])
  },
  'entra.md': ({ world }) => {
    expect(world.api.seen).toEqual([`Bearer ${world.job?.emulator.last?.accessToken}`])
  },
  'google-cloud.md': async ({ world, token, session, files }) => {
    const fromUrl = files.get('gw-url.json')
    await session.shell(`GOOGLE_APPLICATION_CREDENTIALS=${fromUrl} node ${files.get('ts')}`)
    expect(world.google.requests.map((form) => form.get('subject_token'))).toEqual([token, token])
    const federated = `Bearer ${FEDERATED_TOKEN}`
    expect(world.api.seen).toEqual([federated, `Bearer ${token}`, federated])
  },
  'aws.md': ({ world, token }) => {
    if (!isAwsWithEndpoints()) return
    expect(new Set(world.aws.requests.map((form) => form.get('WebIdentityToken')))).toEqual(new Set([token]))
    expect(new Set(world.aws.signedWith)).toEqual(new Set([STS_KEY]))
  },
  'mcp.md': async ({ session, files, token }) => {
    const { mcpServers } = JSON.parse(await readFile(files.get('.mcp.json') ?? '', 'utf8'))
    const headers = JSON.parse(await session.shell(mcpServers.orders.headersHelper))
    expect(headers).toEqual({ Authorization: `Bearer ${token}` })
  },
  'go-and-bazel.md': () => {}, // what the helpers print stands in the page
  'mail.md': ({ world, token }) => {
    const [gmail, ...others] = world.mail.attempts
    const { accessToken } = world.job?.emulator.last ?? {}
    expect(gmail).toEqual({
      mechanism: 'XOAUTH2',
      response: `user=me@gmail.com\u0001auth=Bearer ${accessToken}\u0001\u0001`,
    })
    expect(others.map(({ mechanism }) => mechanism)).toEqual(['OAUTHBEARER', 'OAUTHBEARER'])
    for (const { response } of others) expect(response).toContain(`auth=Bearer ${token}\u0001`)
    expect(world.mail.mails).toHaveLength(3)
  },
  'http-clients.md': ({ world, token }) => {
    if (needs(HTTPYAC) === undefined) expect(world.api.seen).toEqual([`Bearer ${token}`])
  },
  'proxy.md': ({ world, token }) => expect(world.api.seen).toEqual(Array(2).fill(`Bearer ${token}`)),
  'library.md': ({ world, token }) => expect(world.api.seen).toEqual([`Bearer ${token}`]),
  'own-requests.md': async ({ world }) => {
    expect((await world.daemon.api('GET', '/v1/status')).json).toMatchObject({ logins_pending: 2 })
  },
  'dpop.md': ({ world, token }) => expect(world.api.seen).toEqual([`DPoP ${token}`]),
}

const bench = new ToolBench()

async function paste(page: string): Promise<void> {
  const world = await startToolWorld(bench, relative('docs/tools', page))
  const session = new PasteSession(bench, world.env, world.names)
  const answered = new Set<string>()
  session.onOutput = (text) => {
    const uri = /Waiting for an authorization response at (\S+)\n/.exec(text)?.[1]
    if (uri === undefined || answered.has(uri)) return
    answered.add(uri)
    void world.daemon.follow(`${uri}?code=c&state=8e1f0cde5a3b4a7f`)
  }
  const files = new Map<string, string>()
  for (const block of blocksOf(page)) {
    if (NOT_RUN[block.text] !== undefined || !isPossible(block)) continue
    try {
      await pasteBlock(block, session, files)
    } catch (error) {
      throw new Error(`${page}:${block.line}: ${(error as Error).message}`, { cause: error })
    }
  }
  await CAME_OF[relative('docs/tools', page)]?.({ world, session, bench, files, token: await world.token() })
}

async function pasteBlock(block: MarkdownBlock, session: PasteSession, files: Map<string, string>) {
  const { language, text } = block
  if (LANGUAGES.shell.includes(language)) await session.shell(text)
  else if (LANGUAGES.console.includes(language)) await session.console(text)
  else if (LANGUAGES.file.includes(language)) {
    const path = await session.file(block)
    files.set(relative(bench.folder, path), path)
  } else if (LANGUAGES.program.includes(language)) {
    const path = join(bench.folder, language === 'python' ? 'program.py' : 'program.mjs')
    await writeFile(path, session.put(text))
    files.set(language, path)
    const page = relative(ROOT, block.file)
    if (!ONLY_COMPILED.includes(page))
      await session.shell(`${language === 'python' ? SYSTEM_PYTHON : 'node'} ${path}`)
  } else throw new Error(`Nothing is known to do with a block of ${language || 'no language'}.`)
}

const blocksOf = (page: string) => BLOCKS.filter(({ file }) => relative(ROOT, file) === page)

function isPossible({ text }: MarkdownBlock): boolean {
  return OPTIONAL.every(([pattern, isThere]) => !pattern.test(text) || isThere())
}

test.skipIf(missing).each(PAGES)('%s can be pasted', paste)

test('what is not run is still there, and every page is looked at', () => {
  for (const page of PAGES) {
    const fences = readFileSync(join(ROOT, page), 'utf8').match(/^\s*(?:```|~~~)/gm) ?? []
    expect(fences).toHaveLength(2 * blocksOf(page).length)
  }
  const texts = new Set(BLOCKS.map(({ text }) => text))
  expect(Object.keys(NOT_RUN).filter((text) => !texts.has(text))).toEqual([])
  expect(
    Object.keys(CAME_OF)
      .map((name) => `docs/tools/${name}`)
      .sort(),
  ).toEqual([...PAGES].sort())
})

test('programs compile against the package as it is published', async () => {
  const programs = BLOCKS.filter(({ language }) => language === 'ts')
  const names = await Promise.all(
    programs.map(async ({ text }, index) => {
      await writeFile(join(bench.folder, `program-${index}.ts`), text)
      return `program-${index}.ts`
    }),
  )
  await linkPackages(bench.folder)
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--skipLibCheck',
  ]
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout } = await bench.shell(`"${process.execPath}" "${tsc}" ${[...options, ...names].join(' ')}`, {
    PATH: process.env['PATH'] ?? '',
  })
  expect(stdout).toBe('')
  expect(names.length).toBeGreaterThan(3)
})
