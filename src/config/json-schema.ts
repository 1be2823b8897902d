/**
 * The JSON Schema (2020-12) of the configuration file, with which editors complete and check it.
 *
 * It is made from the zod schemas, so it always matches the program.
 */
import { join } from 'node:path'
import * as z from 'zod'
import { Configuration } from './file.js'
import { PROFILE_DEFAULTS } from './profile.js'
import { readSnapshot } from './snapshot.js'
import { writeDurably } from './write.js'

/** `$schema` in the configuration names this file, beside it. */
const SCHEMA_FILE = 'config.schema.json'

const DEFAULTS = new Map<string, unknown>(Object.entries(PROFILE_DEFAULTS))

/** A plain object; print it with {@link configurationJsonSchemaText}. */
export function configurationJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(Configuration, {
    io: 'input',
    override({ jsonSchema, path }) {
      const key = path.at(-1)
      if (path.at(-2) !== 'properties' || path.length !== PROFILE_KEY_DEPTH || typeof key !== 'string') return
      if (DEFAULTS.has(key)) Object.assign(jsonSchema, { default: DEFAULTS.get(key) })
    },
  })
  return {
    $schema,
    title: 'catchd configuration',
    description: 'config.jsonc of catchd: JSON with comments, trailing commas allowed',
    // VS Code uses it; other editors ignore it.
    allowTrailingCommas: true,
    allowComments: true,
    ...schema,
  }
}

/** `properties`, `profiles`, `additionalProperties`, `properties`, the key. */
const PROFILE_KEY_DEPTH = 5

export function configurationJsonSchemaText(): string {
  return `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`
}

/** Writes the file where it is not current. It is for editors only, so a failure stops nothing. */
export async function publishSchema(folder: string): Promise<void> {
  const file = join(folder, SCHEMA_FILE)
  const text = configurationJsonSchemaText()
  try {
    if ((await readSnapshot(file)) !== text) await writeDurably(file, text)
  } catch {
    // The editor then has no completion.
  }
}
