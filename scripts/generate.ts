/**
 * Writes every file that is made from the sources: the JSON Schema of the configuration, the reference pages, the
 * drawings and `.env.example`. A test compares them with what is committed.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configurationJsonSchemaText } from '../src/config/json-schema.js'
import { CLIENT_TYPES_FILE, renderClientTypes } from './client-types.js'
import { COMMAND_PAGE_FILE, MAN_PAGE_FILE, renderCommandPage, renderManPage } from './command-reference.js'
import { renderEnvExample } from './env-example.js'
import { OPENAPI_FILE, renderOpenApi } from './generate-openapi.js'
import { FLOW_DRAWINGS } from './pictures/flows.js'
import { PROVIDERS_FILE, renderProviders } from './providers.js'
import { renderConfigurationReference, renderErrorReference } from './reference.js'

/** Paths from the root of the repository, with what stands there. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['schema/config.schema.json', configurationJsonSchemaText()],
    ['docs/reference-configuration.md', renderConfigurationReference()],
    ['docs/reference-errors.md', renderErrorReference()],
    [PROVIDERS_FILE, renderProviders()],
    [COMMAND_PAGE_FILE, await renderCommandPage()],
    [MAN_PAGE_FILE, await renderManPage()],
    ['.env.example', renderEnvExample()],
    [OPENAPI_FILE, await renderOpenApi()],
    [CLIENT_TYPES_FILE, renderClientTypes()],
    ...FLOW_DRAWINGS,
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of await generatedFiles()) {
    const file = fileURLToPath(new URL(`../${path}`, import.meta.url))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    console.log(path)
  }
}
