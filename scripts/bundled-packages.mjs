/**
 * The packages of others whose code is in the bundle, from what esbuild read. THIRD-PARTY-NOTICES and the software bill of
 * materials are made from this list, so neither is kept by hand.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What build.mjs writes: the names of all inputs of all bundles. */
export const INPUTS_FILE = join(root, 'dist', 'bundle-inputs.json')

/**
 * @param inputs - Paths relative to the repository, as in esbuild's metafile.
 * @returns `name@version` of each package, sorted.
 */
export function bundledPackages(inputs) {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined))
  const names = [...folders].map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    return `${name}@${version}`
  })
  return [...new Set(names)].sort()
}

/** A package may bring a package.json in a folder of its own, which names only a module format. */
function packageFolder(input) {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
}

/** The same for the program as it was built last. */
export function packagesOfBuild() {
  return bundledPackages(JSON.parse(readFileSync(INPUTS_FILE, 'utf8')))
}
