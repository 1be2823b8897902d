/** Hosts and user names that a preset knows: git at GitHub needs nothing but the login. */
import { describe, expect, test } from 'vitest'
import { hostsOf, tokenUsernameOf } from '../../../src/config/presets/tool-access.js'
import type { ProfileEntry } from '../../../src/config/profile.js'
import { fakeDaemon, run } from '../run.js'

test.each<[ProfileEntry, readonly string[], string]>([
  [{}, [], 'oauth2'],
  [{ hosts: ['git.example'] }, ['git.example'], 'oauth2'],
  [{ hosts: ['git.example'], token_username: 'me' }, ['git.example'], 'me'],
  [{ preset: 'github' }, ['github.com'], 'x-access-token'],
  [{ preset: 'github', base_url: 'https://ghe.example/' }, ['ghe.example'], 'x-access-token'],
  [{ preset: 'github', hosts: [] }, [], 'x-access-token'],
  [{ preset: 'github', hosts: ['api.github.com'], token_username: 'me' }, ['api.github.com'], 'me'],
  [{ preset: 'gitlab' }, ['gitlab.com'], 'oauth2'],
  [{ preset: 'gitlab', base_url: 'https://lab.example:8443' }, ['lab.example:8443'], 'oauth2'],
  [{ preset: 'bitbucket' }, ['bitbucket.org'], 'x-token-auth'],
  [{ preset: 'google' }, [], 'oauth2'],
  [{ preset: 'nosuch' }, [], 'oauth2'],
  [{ extends: 'github' }, [], 'oauth2'],
])('%j: %j as %s', (entry, hosts, username) => {
  expect([hostsOf(entry), tokenUsernameOf(entry)]).toEqual([hosts, username])
})

const TOKEN = {
  access_token: 'at-1',
  token_type: 'bearer',
  expires_in: null,
  expires_at: null,
  scope: 'repo',
  profile: 'hub',
  context: {},
}
const profile = (name: string, configuration: ProfileEntry) => ({
  profile: name,
  configuration,
  status: 'logged_in',
})
const daemon = (...profiles: object[]) =>
  fakeDaemon({ 'GET /v1/profiles': { body: { profiles } }, 'GET /v1/tokens/hub': { body: TOKEN } })
const GIT = { stdin: 'protocol=https\nhost=github.com\n\n' }

describe('a profile that has nothing but the preset github', () => {
  const hub = profile('hub', { preset: 'github' })
  test.each([
    [['git', 'get'], GIT, 'username=x-access-token\npassword=at-1\n'],
    [['--profile', 'hub', 'git', 'get'], GIT, 'username=x-access-token\npassword=at-1\n'],
    [['--user', 'me', 'git', 'get'], GIT, 'username=me\npassword=at-1\n'],
    [['netrc'], {}, 'machine github.com login x-access-token password at-1\n'],
    [
      ['docker', 'get'],
      { stdin: 'https://github.com' },
      '{"ServerURL":"https://github.com","Username":"x-access-token","Secret":"at-1"}\n',
    ],
    [['docker', 'list'], {}, '{"https://github.com":"x-access-token"}\n'],
  ])('%j', async (words, options, stdout) => {
    const ran = await run(await daemon(hub), ['credential', ...words], options)
    expect(ran).toMatchObject({ exitCode: 0, stdout })
  })
})

test('two profiles of one server: the message says how to choose, and the user name of the URL chooses', async () => {
  const two = () => daemon(profile('hub', { preset: 'github' }), profile('work', { preset: 'github' }))
  const refused = await run(await two(), ['credential', 'git', 'get'], GIT)
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain('Several profiles have the host github.com: hub, work.')
  const chosen = await run(await two(), ['credential', 'git', 'get'], {
    stdin: 'protocol=https\nhost=github.com\nusername=hub\n\n',
  })
  expect(chosen.stdout).toBe('username=hub\npassword=at-1\n')
})
