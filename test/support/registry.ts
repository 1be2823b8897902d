/** A registry with one image, `team/image:1`, behind a password: as far as docker reads it without an engine. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:https'
import { basicPassword, type ToolBench } from './tool-system.js'

export interface Registry {
  /** With its port. */
  readonly host: string
  /** Of every request; `undefined` for one without. */
  readonly passwords: (string | undefined)[]
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'

/** Over TLS: docker's command line reads no manifest in the clear. */
export async function startRegistry(
  bench: ToolBench,
  tls: { readonly key: string; readonly cert: string },
  isGood: (password: string) => boolean,
): Promise<Registry> {
  const passwords: Registry['passwords'] = []
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [] },
    history: [],
  })
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: config.length,
      digest: digest(config),
    },
    layers: [],
  })
  const port = await bench.listen(
    createServer({ key: tls.key, cert: tls.cert }, ({ headers, url = '' }, response) => {
      const password = basicPassword({ headers })
      passwords.push(password)
      if (password === undefined || !isGood(password)) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end()
      } else if (url === '/v2/') {
        response.end('{}')
      } else {
        const [type, body] = url.includes('/blobs/')
          ? ['application/octet-stream', config]
          : [MANIFEST, manifest]
        const answer = { 'content-type': type, 'docker-content-digest': digest(body) }
        response.writeHead(200, answer).end(body)
      }
    }),
  )
  return { host: `127.0.0.1:${port}`, passwords }
}

function digest(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
