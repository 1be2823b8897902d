/** The JSON Schema as a file beside the configuration, where editors look for it. */
import { join } from 'node:path'
import { configurationJsonSchemaText, SCHEMA_FILE } from './json-schema.js'
import { readSnapshot } from './snapshot.js'
import { writeDurably } from './write.js'

/** Writes it where it is not current; it is a convenience and never a failure. */
export async function publishSchema(folder: string): Promise<void> {
  const file = join(folder, SCHEMA_FILE)
  const text = configurationJsonSchemaText()
  try {
    if ((await readSnapshot(file)).text !== text) await writeDurably(file, text)
  } catch {
    // An editor without completion is no reason to refuse a profile.
  }
}
