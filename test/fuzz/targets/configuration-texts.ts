/** The text of the configuration file, and entries that come from elsewhere: parsed, resolved and printed. */
import fc from 'fast-check'
import { parseConfiguration } from '../../../src/config/file.js'
import { interpret } from '../../../src/config/interpret.js'
import { PRESETS } from '../../../src/config/presets.js'
import { asCatchdError, toProblem } from '../../../src/failures.js'
import { mutatedJson, mutatedText } from '../mutations.js'
import { canary, type FuzzTarget } from '../target.js'

const GW = {
  ...{
    issuer: 'https://id.example',
    client_id: 'c',
    client_secret: canary('client-secret'),
    scope: 'openid email',
  },
  ...{
    redirect_uri: 'http://127.0.0.1:8252/cb',
    authorization_parameters: { prompt: 'consent' },
    min_ttl_seconds: 60,
  },
  ...{ token_response: { pointers: { access_token: ['/a', '/b/0'] }, defaults: { token_type: 'bearer' } } },
  ...{
    token_request_headers: { 'X-Tenant': 't' },
    hosts: ['git.example', '*.example.org'],
    resource: ['https://r.example'],
  },
}
const CONFIGURATION = {
  $schema: './config.schema.json',
  profiles: {
    gw: GW,
    child: { extends: 'gw', scope: 'x' },
    exchange: {
      ...GW,
      grant: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: { profile: 'gw' },
    },
    machine: { ...GW, grant: 'client_credentials', client_secret: { command: ['printf', 'x'] } },
    ...Object.fromEntries(
      PRESETS.slice(0, 6).map(({ name }) => [
        name,
        { preset: name, client_id: 'c', base_url: 'https://b.example' },
      ]),
    ),
  },
  hooks: { login_required: ['notify-send', 'x'] },
  notify: { desktop: true, before_seconds: 60 },
}
const COMMENTED = `// Profiles\n{ "profiles": { /* mine */ "gw": { "preset": "github", "client_id": "c", "client_secret": "${canary('text')}", }, }, }\n`

export const configurationTexts: FuzzTarget<string> = {
  name: 'configuration-texts',
  weight: 3,
  arbitrary: fc.oneof(
    { weight: 5, arbitrary: mutatedJson(CONFIGURATION, { profiles: { gw: GW } }) },
    { weight: 2, arbitrary: mutatedText(COMMENTED, JSON.stringify(CONFIGURATION, null, 2)) },
  ),
  start: async () => ({
    async run(text) {
      try {
        const { warnings, unfinished } = interpret(parseConfiguration(text, '/home/me/config.jsonc'), {
          redirectPort: 8252,
          configFolder: '/home/me',
        })
        return { outcome: 'ok', shown: [...warnings, ...[...unfinished.values()].map(String)] }
      } catch (error) {
        const failure = asCatchdError(error)
        return { outcome: failure.code, shown: [JSON.stringify(toProblem(failure)), String(failure.stack)] }
      }
    },
    stop: async () => {},
  }),
}
