/**
 * Bundles the program into dist/: ES modules, split, so that each command loads only what it needs, and before
 * them the one CommonJS file that `catchd` starts with. keytar is native and stays outside; its child process is an
 * entry of its own.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundlePage } from './page-bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/**
 * What would be loaded at every start of the daemon and never be used: Fastify's compilers of JSON Schema (the doors
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
    building.onLoad({ filter: /[/\\]dashboard[/\\]page-source\.ts$/ }, async () => ({
      contents: `const page = ${JSON.stringify(await bundlePage())}\nexport const pageSource = async () => page`,
    }))
  },
}

rmSync(join(root, 'dist'), { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: {
    main: 'src/main.ts',
    'client/index': 'src/client/index.ts',
    'client/mcp': 'src/client/mcp.ts',
    'vault/keytar-child': 'src/vault/keytar-child.ts',
  },
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // jsonc-parser's CommonJS build loads its parts in a way that no bundler can follow.
  mainFields: ['module', 'main'],
  target: 'node20.19',
  plugins: [LEFT_OUT, PAGE_SOURCE],
  external: ['keytar'],
  define: { 'process.env["CATCHD_BUILD_VERSION"]': JSON.stringify(version) },
  // CommonJS packages inside an ES module bundle still ask for Node's modules through `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  legalComments: 'none',
  sourcemap: true,
  logLevel: 'warning',
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
// Last, and by its date what the set-up compares the sources with.
await build({
  absWorkingDir: root,
  entryPoints: ['src/quick-start.ts'],
  outfile: 'dist/catchd.cjs',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node14', // older versions shall read as far as the line that says what is needed
  external: ['./main.js'],
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
})
chmodSync(join(root, 'dist', 'catchd.cjs'), 0o755)
