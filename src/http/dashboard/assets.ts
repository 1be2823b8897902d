/** The page's script and style sheet. The name of each file contains its hash. */
import { createHash } from 'node:crypto'
import { pageSource } from './page-source.js'

let made: ReturnType<typeof makeAssets> | undefined

export function assets() {
  made ??= makeAssets()
  return made
}

async function makeAssets() {
  const { script, style } = await pageSource()
  return {
    script: asset('js', 'text/javascript; charset=utf-8', script),
    style: asset('css', 'text/css; charset=utf-8', style),
  }
}

function asset(ending: string, type: string, content: string) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  return { path: `/assets/dashboard-${hash}.${ending}`, type, content }
}
