/** Google's Security Token Service as far as external accounts go: a token exchange (RFC 8693 §2) on loopback. */
import { createServer } from 'node:http'
import type { ToolBench } from './tool-system.js'

export interface GoogleSts {
  readonly url: string
  /** The forms so far. */
  readonly requests: URLSearchParams[]
}

export const FEDERATED_TOKEN = 'ya29.federated'

export async function startGoogleSts(
  bench: ToolBench,
  isGood: (token: string) => boolean,
): Promise<GoogleSts> {
  const requests: URLSearchParams[] = []
  const port = await bench.listen(
    createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
        requests.push(form)
        const good = isGood(form.get('subject_token') ?? '')
        const answer = good
          ? {
              access_token: FEDERATED_TOKEN,
              issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
              token_type: 'Bearer',
              expires_in: 3600,
            }
          : { error: 'invalid_grant', error_description: 'The token is not accepted' }
        response
          .writeHead(good ? 200 : 400, { 'content-type': 'application/json' })
          .end(JSON.stringify(answer))
      })
    }),
  )
  return { url: `http://127.0.0.1:${port}/v1/token`, requests }
}
