/** Reads `client_secret_….json`, as downloaded from the Google Cloud console. */
import { entryOf, type Imported, isRecord, notReadable, parseJsonOf, textOf } from './import.js'

const PROGRAM = 'a Google client'

export function readGoogleClient(text: string): Imported {
  const file = parseJsonOf(PROGRAM, text)
  const client = file['installed'] ?? file['web']
  if (!isRecord(client) || textOf(client, 'client_id') === undefined) {
    throw notReadable(PROGRAM, 'it has neither "installed" nor "web".')
  }
  return {
    profiles: [
      {
        name: textOf(client, 'project_id') ?? 'google',
        entry: entryOf({
          preset: 'google',
          client_id: textOf(client, 'client_id'),
          client_secret: textOf(client, 'client_secret'),
        }),
        notes: [
          'Add the scopes that you need, with catchd profile edit.',
          ...('web' in file
            ? ['This is a client for web applications: register the exact redirect URI, with its port.']
            : []),
        ],
      },
    ],
    urls: [],
  }
}
