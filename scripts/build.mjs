/**
 * Bundles the program into dist/: ES modules, split, so that each command loads only what it needs, and three
 * CommonJS files: the one that `catchd` starts with, and the daemon behind its starter, whose compiled code can be kept (src/fast-path/compiled-program.ts).
 * keytar is native and stays outside; its child process is an entry of its own.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundledPackages, INPUTS_FILE } from './bundled-packages.mjs'
import { writeNotices } from './notices.mjs'
import { bundlePage } from './page-bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/**
 * What would be loaded at every start of the daemon and never be used: Fastify's compilers of JSON Schema (the listeners
 * validate with zod) and its `inject` (for tests), and zod's messages in fifty languages.
 */
const LEFT_OUT = {
  name: 'left-out',
  setup(building) {
    const unused = /^(@fastify\/(ajv|fast-json-stringify)-compiler|light-my-request)$/
    building.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'left-out' }))
    building.onLoad({ filter: /./, namespace: 'left-out' }, () => ({
      contents: "module.exports = () => { throw new Error('left out by scripts/build.mjs') }",
    }))
    building.onResolve({ filter: /^\.\.\/locales\/index\.js$/ }, ({ importer }) =>
      /[/\\]zod[/\\]v4[/\\](?:classic|core)[/\\]/.test(importer)
        ? { path: 'locales', namespace: 'one-language', sideEffects: false }
        : undefined,
    )
    building.onLoad({ filter: /./, namespace: 'one-language' }, () => ({ contents: 'export {}' }))
  },
}

/** The script and the style sheet of the dashboard's page, as texts in a file that only the dashboard loads. */
const PAGE_SOURCE = {
  name: 'page-source',
  setup(building) {
    building.onLoad({ filter: /[/\\]dashboard[/\\]page-source\.ts$/ }, async () => {
      const { script, style, inputs: read } = await bundlePage()
      note(read)
      const page = JSON.stringify({ script, style })
      return { contents: `const page = ${page}\nexport const pageSource = async () => page` }
    })
  },
}

/** The daemon is in its own file, wherever a command asks for it. */
const DAEMON_FILE = {
  name: 'daemon-file',
  setup(building) {
    building.onResolve({ filter: /^\.\/daemon-program\.js$/ }, () => ({
      path: '../daemon.cjs',
      external: true,
    }))
  },
}

/**
 * `catchd token` does not read what it does not run: the daemon's starter is a file of its own. It is required where the
 * source imports it, since an import would start Node's loader of ES modules.
 */
const STARTER_FILE = {
  name: 'starter-file',
  setup(building) {
    const starter = /^\.\/fast-path\/quick-daemon\.js$/
    building.onResolve({ filter: starter }, () => ({ path: 'quick-daemon', namespace: 'required' }))
    building.onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('./${path}.cjs')`,
    }))
  },
}

/** Every file that is in one of the bundles. */
const inputs = new Set()

function note(names) {
  for (const name of names) inputs.add(name)
}

const INPUTS = {
  name: 'inputs',
  setup(building) {
    building.onEnd(({ metafile }) => note(Object.keys(metafile?.inputs ?? {})))
  },
}

const COMMON = {
  absWorkingDir: root,
  metafile: true,
  plugins: [INPUTS],
  bundle: true,
  platform: 'node',
  legalComments: 'none',
  logLevel: 'warning',
}
const LARGE = {
  ...COMMON,
  // jsonc-parser's CommonJS build loads its parts in a way that no bundler can follow.
  mainFields: ['module', 'main'],
  target: 'node20.19',
  external: ['keytar'],
  sourcemap: true,
}
const VERSION = { 'process.env["CATCHD_BUILD_VERSION"]': JSON.stringify(version) }

rmSync(join(root, 'dist'), { recursive: true, force: true })
await build({
  ...LARGE,
  entryPoints: {
    main: 'src/main.ts',
    'client/index': 'src/client/index.ts',
    'client/mcp': 'src/client/mcp.ts',
    'vault/keytar-child': 'src/vault/keytar-child.ts',
  },
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  splitting: true,
  format: 'esm',
  plugins: [INPUTS, DAEMON_FILE, LEFT_OUT, PAGE_SOURCE],
  define: VERSION,
  // CommonJS packages inside an ES module bundle still ask for Node's modules through `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})
await build({
  ...LARGE,
  entryPoints: { daemon: 'src/cli/daemon-program.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  plugins: [INPUTS, LEFT_OUT, PAGE_SOURCE],
  // V8 holds the text for as long as the daemon runs; names stay, so that a fault in the log says where it was.
  minifyWhitespace: true,
  lineLimit: 500,
  supported: { 'dynamic-import': false },
  define: { ...VERSION, 'import.meta.url': '__moduleUrl' },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
})
makeAscii(join(root, 'dist', 'daemon.cjs'))
await build({
  ...COMMON,
  entryPoints: { 'quick-daemon': 'src/fast-path/quick-daemon.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  target: 'node20.19',
  define: VERSION,
})
// The library's declarations; they name no other package.
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    ...['-p', 'tsconfig.library.json', '--outDir', 'dist', '--pretty', 'false'],
  ],
  { cwd: root, stdio: 'inherit' },
)
const starter = await build({
  ...COMMON,
  entryPoints: ['src/quick-start.ts'],
  outfile: 'dist/catchd.cjs',
  format: 'cjs',
  target: 'node14', // older versions shall read as far as the line that says what is needed
  plugins: [INPUTS, STARTER_FILE],
  external: ['./main.js', './quick-daemon.cjs'],
  minifySyntax: true,
  write: false,
})
writeFileSync(INPUTS_FILE, JSON.stringify([...inputs].sort()))
await writeNotices(bundledPackages([...inputs]))
// Last, and by its date what the set-up compares the sources with.
writeFileSync(join(root, 'dist', 'catchd.cjs'), starter.outputFiles[0].contents)
chmodSync(join(root, 'dist', 'catchd.cjs'), 0o755)

/** esbuild leaves the texts of tagged templates as they are, whose raw form nobody here asks for. */
function makeAscii(file) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[\u0080-\uffff]/g, escaped))
}
