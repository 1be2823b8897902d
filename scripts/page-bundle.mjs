/**
 * Bundles the script and the style sheet of the dashboard's page. Used by build.mjs, which puts both into the program,
 * and by the program when it runs from its sources.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

export async function bundlePage() {
  const folder = join(root, 'src', 'http', 'dashboard', 'page')
  const [script, style] = await Promise.all([
    bundled({ entryPoints: [join(folder, 'main.ts')], format: 'iife', target: 'es2022' }),
    bundled({ entryPoints: [join(folder, 'style', 'index.css')] }),
  ])
  return { script: script.text, style: style.text, inputs: [...script.inputs, ...style.inputs] }
}

async function bundled(options) {
  const { outputFiles, metafile } = await build({
    ...options,
    absWorkingDir: root,
    bundle: true,
    metafile: true,
    minify: true,
    write: false,
    legalComments: 'none',
    logLevel: 'warning',
  })
  return { text: outputFiles[0].text, inputs: Object.keys(metafile.inputs) }
}
