/** The page's script and style sheet. The name of each file contains its hash. */
import { createHash } from 'node:crypto'
import { pageSource } from './page-source.js'

interface Asset {
  readonly path: string
  readonly type: string
  readonly content: string
}

let made: Promise<{ readonly script: Asset; readonly style: Asset }> | undefined

export function assets() {
  made ??= pageSource().then(({ script, style }) => ({
    script: asset('js', 'text/javascript; charset=utf-8', script),
    style: asset('css', 'text/css; charset=utf-8', style),
  }))
  return made
}

function asset(ending: string, type: string, content: string): Asset {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  return { path: `/assets/dashboard-${hash}.${ending}`, type, content }
}
