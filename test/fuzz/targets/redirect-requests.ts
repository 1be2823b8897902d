/** Requests at the redirect listener, as bytes: authorization responses in a query and in a form, and anything else. */
import fc from 'fast-check'
import { startDaemon } from '../daemon.js'
import { mutatedText } from '../mutations.js'
import { sendRaw, statusOf } from '../raw-request.js'
import { canary, type FuzzTarget } from '../target.js'

const CODE = canary('code')
/** `STATE` and `PORT` are replaced by those of a pending login. */
const TARGETS = [
  `/cb?code=${CODE}&state=STATE&iss=http%3A%2F%2Fx`,
  '/cb?error=access_denied&error_description=No%20thanks&state=STATE',
  `/cb?code=${CODE}&code=${CODE}&state=STATE`,
  `/cb?code=${CODE}&state=other`,
  `/cb?response=eyJhbGciOiJub25lIn0.eyJjb2RlIjoiQ2FuYXJ5In0.&state=STATE`,
  '/cb',
  '/catchd/LOGIN',
  '/favicon.ico',
]
const HEADERS =
  'Host: 127.0.0.1:PORT\r\nConnection: close\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n'
const FORM = `code=${CODE}&state=STATE`
const REQUESTS = [
  ...TARGETS.map((target) => `GET ${target} HTTP/1.1\r\n${HEADERS}\r\n`),
  `POST /cb HTTP/1.1\r\n${HEADERS}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: LENGTH\r\n\r\n${FORM}`,
  `POST /cb HTTP/1.1\r\n${HEADERS}Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncode=\r\n0\r\n\r\n`,
  `HEAD /cb?code=${CODE}&state=STATE HTTP/1.1\r\n${HEADERS}\r\n`,
]

export const redirectRequests: FuzzTarget<{ mode: 'query' | 'form_post' | 'fragment'; request: string }> = {
  name: 'redirect-requests',
  weight: 3,
  arbitrary: fc.record({
    mode: fc.constantFrom('query', 'query', 'form_post', 'fragment'),
    request: mutatedText(...REQUESTS),
  }),
  async start() {
    const client = {
      ...{
        client_id: 'catchd',
        authorization_endpoint: 'http://127.0.0.1:1/a',
        token_endpoint: 'http://127.0.0.1:1/t',
      },
      redirect_uri: 'http://127.0.0.1:0/cb',
    }
    const daemon = await startDaemon({
      profiles: {
        query: client,
        form_post: { ...client, response_mode: 'form_post' },
        fragment: { ...client, response_mode: 'fragment' },
      },
    })
    const begin = async (profile: string) => {
      const { body } = await daemon.call('POST', '/v1/logins', { profile })
      const { login_id: id, authorization_url, redirect_uri } = JSON.parse(body) as Record<string, string>
      const state = new URL(authorization_url ?? '').searchParams.get('state') ?? ''
      return { id: id ?? '', state, port: Number(new URL(redirect_uri ?? '').port) }
    }
    const pending = new Map<string, Awaited<ReturnType<typeof begin>>>()
    return {
      async run({ mode, request }) {
        const login = pending.get(mode) ?? (await begin(mode))
        pending.set(mode, login)
        const text = request
          .replaceAll('STATE', login.state)
          .replaceAll('PORT', String(login.port))
          .replaceAll('LOGIN', login.id)
          .replaceAll('LENGTH', String(FORM.replace('STATE', login.state).length))
        const answered = await sendRaw(login, Buffer.from(text, 'latin1'))
        const { body } = await daemon.call('GET', `/v1/logins/${login.id}`)
        // The port of an ended login closes soon.
        if (!body.includes('"status":"pending"')) pending.delete(mode)
        // A pending login shows its authorization URL, which has the state.
        const shown = body.includes('"authorization_url"') ? [answered] : [answered, body]
        return {
          outcome: statusOf(answered),
          shown: [...shown, ...daemon.takeLog()],
          secrets: [login.state],
        }
      },
      stop: () => daemon.stop(),
    }
  },
}
