/**
 * Prints a software bill of materials (CycloneDX): what a user of the package gets. These are the packages in the bundle,
 * which are development dependencies of this repository, and the optional package that npm installs.
 *
 * npm makes the list with all packages of the repository. Here it is cut down to those.
 *
 * npm run --silent sbom
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { packagesOfBuild } from './bundled-packages.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const DEVELOPMENT = 'cdx:npm:package:development'

// From the lock file alone: what else is being installed below this folder does not disturb it.
const made = execFileSync(
  'npm',
  ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'],
  {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32', // npm is a script there
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
process.stdout.write(`${JSON.stringify(deliveredOf(JSON.parse(made)), null, 2)}\n`)

function deliveredOf(bom) {
  const bundled = new Set(packagesOfBuild())
  const own = bom.metadata.component
  own.name = 'catchd' // npm takes the name of the folder
  const components = bom.components
    .filter((component) => bundled.has(component['bom-ref']) || !isDevelopment(component))
    .map((component) => ({
      ...component,
      // From the lock file, npm calls all of them optional.
      scope: bundled.has(component['bom-ref']) ? 'required' : 'optional',
      properties: component.properties.filter(({ name }) => name !== DEVELOPMENT),
    }))
  const delivered = new Set([own['bom-ref'], ...components.map((component) => component['bom-ref'])])
  const missing = [...bundled].filter((name) => !delivered.has(name))
  if (missing.length > 0)
    throw new Error(`npm does not know these packages of the bundle: ${missing.join(', ')}`)
  const dependencies = bom.dependencies
    .filter(({ ref }) => delivered.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((name) => delivered.has(name)) }))
  return { ...bom, components, dependencies }
}

function isDevelopment({ properties }) {
  return properties.some(({ name, value }) => name === DEVELOPMENT && value === 'true')
}
