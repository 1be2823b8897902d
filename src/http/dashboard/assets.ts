/** The page's script and style sheet. The name of each file contains its hash. */
import { createHash } from 'node:crypto'
import { pageSource } from './page-source.js'

export interface Asset {
  readonly path: string
  readonly type: string
  readonly content: string
}

export interface Assets {
  readonly script: Asset
  readonly style: Asset
  get(name: string): Asset | undefined
}

let made: Promise<Assets> | undefined

export function assets(): Promise<Assets> {
  made ??= makeAssets()
  return made
}

async function makeAssets(): Promise<Assets> {
  const source = await pageSource()
  const script = asset('dashboard', 'js', 'text/javascript; charset=utf-8', source.script)
  const style = asset('dashboard', 'css', 'text/css; charset=utf-8', source.style)
  const byPath = new Map([script, style].map((one) => [one.path, one]))
  return { script, style, get: (name) => byPath.get(`/assets/${name}`) }
}

function asset(name: string, ending: string, type: string, content: string): Asset {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  return { path: `/assets/${name}-${hash}.${ending}`, type, content }
}
