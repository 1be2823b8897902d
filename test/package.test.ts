/**
 * The package as people get it: packed once, installed into empty prefixes with npm, with and without install scripts;
 * and a fresh checkout, installed with the one line of the README.
 */
import { type ExecFileOptionsWithStringEncoding, execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { needs } from './support/needs.js'
import { environment } from './support/program.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version: VERSION } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}
const onWindows = (command: string) => (process.platform === 'win32' ? `${command}.cmd` : command)

let folder = ''
let packed = { filename: '', size: 0, unpackedSize: 0, files: [] as { path: string }[] }

async function run(command: string, args: readonly string[], cwd = folder, env = {}): Promise<string> {
  // The registry that this machine is set up for is named in variables or in a file of HOME.
  const options: ExecFileOptionsWithStringEncoding = {
    cwd,
    env: { ...process.env, ...environment(env) },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    shell: process.platform === 'win32',
  }
  return (await promisify(execFile)(command, [...args], options)).stdout
}

const npm = (...args: string[]) => run(onWindows('npm'), args)

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'catchd-package-')))
  // Without scripts: `prepack` would build again, under the other tests.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  packed = Object.values(JSON.parse(await run(onWindows('npm'), args, root)))[0] as typeof packed
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('the package has what people look for, and no more', () => {
  const files = packed.files.map(({ path }) => path)
  expect(files).toEqual(
    expect.arrayContaining([
      ...['LICENSE', 'THIRD-PARTY-NOTICES', 'README.md', 'CHANGELOG.md', 'SECURITY.md'],
      ...['man/catchd.1', 'dist/catchd.cjs', 'dist/client/index.d.ts', 'schema/config.schema.json'],
    ]),
  )
  const own = /^(dist|docs|man|schema)\/|^(LICENSE|THIRD-PARTY-NOTICES|[A-Z]+\.md|package\.json)$/
  expect(files.filter((path) => !own.test(path))).toEqual([])
  expect(files.filter((path) => /\.map$|\.compiled$|^dist\/(packages|bundle-inputs)/.test(path))).toEqual([])
  expect(packed.unpackedSize).toBeLessThan(8 * 2 ** 20)
})

describe.each([
  ['with install scripts', ['--foreground-scripts']],
  ['without install scripts', ['--ignore-scripts']],
])('installed from the packed file, %s', (name, options) => {
  const prefix = () => join(folder, name.replaceAll(' ', '-'))
  const installed = () => join(prefix(), 'lib', 'node_modules', 'catchd')
  const program = () => join(prefix(), 'bin', 'catchd')

  beforeAll(() => npm('install', '--global', packed.filename, '--prefix', prefix(), ...options))

  test('the program runs, and its keychain module loads', async () => {
    expect(await run(program(), ['--version'])).toBe(`${VERSION}\n`)
    // keytar's own process, as the program starts it; the message says that it is loaded.
    const child = join(installed(), 'dist', 'vault', 'keytar-child.js')
    const script = `const child = require('node:child_process').fork(${JSON.stringify(child)})
child.on('message', (message) => { console.log(JSON.stringify(message)); child.kill() })`
    expect(await run(process.execPath, ['--eval', script])).toBe('{"ready":true}\n')
  })

  // The files are the same in both, so once is enough.
  if (options.includes('--ignore-scripts')) {
    test('the demo runs to its token', async () => {
      const output = await run(program(), ['demo'], folder, { HOME: folder })
      expect(output).toContain('{"hello":"ada"}')
    })
  }

  test.skipIf(needs('man') !== undefined)('man catchd shows its page', async () => {
    const manual = { MANPATH: join(prefix(), 'share', 'man'), MANWIDTH: '80', PAGER: 'cat' }
    expect(await realpath((await run('man', ['-w', 'catchd'], folder, manual)).trim())).toBe(
      join(installed(), 'man', 'catchd.1'),
    )
    expect(await run('man', ['catchd'], folder, manual)).toContain('receives OAuth redirects')
  })
})

test('the one line of the README makes a fresh checkout a program', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const line = /^\$ (npm install --global \S+)/m.exec(readme)?.[1]
  expect(line).toBe('npm install --global .')

  const checkout = join(folder, 'checkout')
  const listed = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root)
  for (const file of listed.split('\0').filter((path) => path !== '')) {
    await mkdir(dirname(join(checkout, file)), { recursive: true })
    await cp(join(root, file), join(checkout, file)).catch(() => {}) // deleted, and not committed yet
  }
  // As setup.mjs would install them, which takes a minute.
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'))

  const prefix = join(folder, 'linked')
  await run(onWindows('npm'), ['install', '--global', '.', '--prefix', prefix], checkout)
  expect(await run(join(prefix, 'bin', 'catchd'), ['--version'])).toBe(`${VERSION}\n`)
  expect(await readdir(checkout)).toContain('THIRD-PARTY-NOTICES')
})

describe('the code of others', () => {
  /** What the source maps say is in the bundle: not the list that the notices are made from. */
  async function packagesOfSourceMaps(): Promise<string[]> {
    const dist = join(root, 'dist')
    const maps = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith('.map'))
    const contents = await Promise.all(maps.map((name) => readFile(join(dist, name), 'utf8')))
    const sources = contents.flatMap((content) => (JSON.parse(content) as { sources: string[] }).sources)
    return packagesOf(sources)
  }

  /** A source map of a package may have told esbuild of files that are nowhere here. */
  async function packagesOf(files: readonly string[]): Promise<string[]> {
    const inPackages = files.filter((file) => file.includes('node_modules/'))
    const paths = inPackages.map((file) => file.slice(file.indexOf('node_modules/')))
    const folders = new Set(
      paths.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? ''),
    )
    const manifests = [...folders].map((path) => join(root, path, 'package.json')).filter(existsSync)
    const names = manifests.map(async (path) => {
      const { name, version } = JSON.parse(await readFile(path, 'utf8')) as { name: string; version: string }
      return `${name}@${version}`
    })
    return [...new Set(await Promise.all(names))].sort()
  }

  test('THIRD-PARTY-NOTICES has the licence of every package in the bundle', async () => {
    const inputs = JSON.parse(await readFile(join(root, 'dist', 'bundle-inputs.json'), 'utf8')) as string[]
    // The program, the library, the daemon's starter, keytar's process and the dashboard's page.
    expect(inputs).toEqual(
      expect.arrayContaining([
        ...['src/main.ts', 'src/client/index.ts', 'src/quick-start.ts', 'src/fast-path/quick-daemon.ts'],
        ...['src/vault/keytar-child.ts', 'src/http/dashboard/page/main.ts', 'src/cli/daemon-program.ts'],
      ]),
    )
    const bundled = await packagesOf(inputs)
    expect(bundled.length).toBeGreaterThan(50)
    expect(bundled).toEqual(expect.arrayContaining(await packagesOfSourceMaps()))

    const notices = await readFile(join(root, 'THIRD-PARTY-NOTICES'), 'utf8')
    const [list = '', ...sections] = notices.split(/^-{78}$/m)
    expect(list.match(/^ {2}\S+@\S+$/gm)?.map((line) => line.trim())).toEqual(bundled)
    const titles = sections.map((section) => /^(\S+@\S+) \((.+)\)$/m.exec(section.trim())?.[1])
    expect(titles).toEqual(bundled)
    const short = sections.filter(
      (section) => !/permission to use|permission is .*granted|redistribution and use/i.test(section),
    )
    expect(short.map((section) => section.trim().split('\n')[0])).toEqual(['abstract-logging@2.0.1 (MIT)'])
    expect(short[0]).toContain('It states: MIT, by James Sumners.')
  })

  test('npm run sbom prints CycloneDX: the packages of the bundle and those that npm installs', async () => {
    const bom = JSON.parse(await run(process.execPath, [join(root, 'scripts', 'sbom.mjs')]))
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: { component: { name: 'catchd', version: VERSION, type: 'application' } },
    })
    const components = bom.components as { 'bom-ref': string; hashes: object[]; scope: string }[]
    const inputs = JSON.parse(await readFile(join(root, 'dist', 'bundle-inputs.json'), 'utf8')) as string[]
    const required = components.filter(({ scope }) => scope === 'required').map((one) => one['bom-ref'])
    expect(required.sort()).toEqual(await packagesOf(inputs))
    const optional = components.filter(({ scope }) => scope === 'optional').map((one) => one['bom-ref'])
    expect(optional.map((name) => name.replace(/@[^@]+$/, ''))).toEqual(['@github/keytar', 'node-addon-api'])
    expect(components.filter(({ hashes }) => hashes.length === 0)).toEqual([])
    const known = new Set([`catchd@${VERSION}`, ...components.map((one) => one['bom-ref'])])
    const edges = bom.dependencies as { ref: string; dependsOn: string[] }[]
    expect(
      edges.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !known.has(ref)),
    ).toEqual([])
  })
})
