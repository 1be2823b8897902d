/** `client_secret_….json`, as the Google Cloud console lets it be downloaded. */
import { entryOf, type Imported, isRecord, notReadable, parseJsonOf, textOf } from './import.js'

const PROGRAM = 'a Google client'

export function readGoogleClient(text: string): Imported {
  const file = parseJsonOf(PROGRAM, text)
  const client = file['installed'] ?? file['web']
  if (!isRecord(client) || textOf(client, 'client_id') === undefined) {
    throw notReadable(PROGRAM, 'neither "installed" nor "web" stands in it.')
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
          'Add the scopes that you want, with catchd profile edit.',
          ...('web' in file
            ? ['It is a client for web applications: the redirect URI has to be registered, to the port.']
            : []),
        ],
      },
    ],
    urls: [],
  }
}
