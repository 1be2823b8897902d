/** Settings: where each value comes from, how the file is changed, and what a client says about another daemon. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DaemonSection, SETTING_DEFAULTS } from '../../src/config/daemon-section.js'
import { EnvironmentVariables, parseEnvironment, variableOf } from '../../src/config/environment.js'
import { parseConfiguration } from '../../src/config/file.js'
import {
  type DaemonSetting,
  daemonSettings,
  daemonSettingsInEffect,
  readSettings,
  SETTING_KEYS,
  settingsInEffect,
} from '../../src/config/settings.js'
import { differencesInWords } from '../../src/config/settings-difference.js'
import { ConfigurationStore } from '../../src/config/store.js'
import { rejectionOf, temporaryFolder } from './support.js'

const NONE = parseEnvironment({})
const names = Object.keys(DaemonSection.shape) as (keyof typeof DaemonSection.shape)[]

describe('one schema for the section and the environment', () => {
  test.each(names)('%s: the variable has its text and its default', (name) => {
    const variable = EnvironmentVariables.shape[variableOf(name) as keyof typeof EnvironmentVariables.shape]
    expect(variable.meta()).toEqual(DaemonSection.shape[name].unwrap().meta())
    expect(variable.description).toMatch(/.{20}/)
  })

  // Value in the file, value in the environment, whether it is allowed.
  test.each([
    ['api_port', 0, '0', true],
    ['api_port', 65_535, '65535', true],
    ['api_port', 65_536, '65536', false],
    ['api_port', -1, '-1', false],
    ['api_port', 1.5, '1.5', false],
    ['redirect_port', 99_999, '99999', false],
    ['vault', 'memory', 'memory', true],
    ['vault', 'keychian', 'keychian', false],
    ['browser', 'firefox -P "my work"', 'firefox -P "my work"', true],
    ['log_level', 'silent', 'silent', true],
    ['log_level', 'INFO', 'INFO', false],
    ['login_timeout_seconds', 5, '5', true],
    ['login_timeout_seconds', 4, '4', false],
    ['login_timeout_seconds', 3601, '3601', false],
    ['client_metadata_url', 'https://me.example/catchd.json', 'https://me.example/catchd.json', true],
    ['client_metadata_url', 'https://me.example/a?b=c', 'https://me.example/a?b=c', true],
    ['client_metadata_url', 'http://me.example/catchd.json', 'http://me.example/catchd.json', false],
    ['client_metadata_url', 'https://me.example', 'https://me.example', false],
    ['client_metadata_url', 'https://me.example/', 'https://me.example/', false],
    ['client_metadata_url', 'https://me.example/a#b', 'https://me.example/a#b', false],
    ['client_metadata_url', 'https://me.example/a/../b', 'https://me.example/a/../b', false],
    ['client_metadata_url', 'https://me@me.example/a', 'https://me@me.example/a', false],
  ] as const)('%s: %j and %s are both allowed: %s', (name, inFile, inVariable, isAllowed) => {
    const file = () => parseConfiguration(JSON.stringify({ daemon: { [name]: inFile } }), 'c').daemon
    const variable = () => parseEnvironment({ [variableOf(name)]: inVariable })
    if (isAllowed) {
      expect(daemonSettings(NONE, file())).toEqual(daemonSettings(variable(), {}))
    } else {
      expect(file).toThrow(`"daemon.${name}" must`)
      expect(variable).toThrow(`${variableOf(name)} must`)
    }
  })

  test('an unknown name of the section is refused, with a suggestion', () => {
    expect(() => parseConfiguration('{"daemon": {"api_prot": 1}}', 'c')).toThrow(
      '"api_prot" is not a known name in "daemon". Did you mean "api_port"?',
    )
  })
})

test.each([
  ['the default', {}, undefined, 7636, 'default'],
  ['the file', {}, 7700, 7700, 'file'],
  ['the environment', { CATCHD_API_PORT: '7800' }, undefined, 7800, 'environment'],
  ['the environment over the file', { CATCHD_API_PORT: '7800' }, 7700, 7800, 'environment'],
  ['an empty variable is none', { CATCHD_API_PORT: '' }, 7700, 7700, 'file'],
  ['zero is a value', { CATCHD_API_PORT: '0' }, 7700, 0, 'environment'],
  ['a bad value of the file counts as none', {}, 'many', 7636, 'default'],
])('the value in effect: %s', (_what, env, written, value, source) => {
  const settings = settingsInEffect(parseEnvironment(env), { daemon: { api_port: written } })
  expect(settings).toContainEqual({ key: 'daemon.api_port', value, source })
  expect(settings.map(({ key }) => key)).toEqual([...SETTING_KEYS.keys()])
})

test('every setting has a key, but profiles have none', () => {
  expect([...SETTING_KEYS.keys()]).toEqual(expect.arrayContaining(names.map((name) => `daemon.${name}`)))
  expect([...SETTING_KEYS.keys()]).toEqual(
    expect.arrayContaining(['notify.desktop', 'lock.idle_seconds', 'hooks.login_required']),
  )
  expect([...SETTING_KEYS.keys()].filter((key) => /^(?:profiles|\$schema)/.test(key))).toEqual([])
  expect(daemonSettings(NONE, {})).toMatchObject({
    apiPort: SETTING_DEFAULTS.api_port,
    redirectPort: SETTING_DEFAULTS.redirect_port,
  })
})

describe('a file with a mistake', () => {
  test.each([
    ['elsewhere', '{"profiles": {"gw": {"clientid": 1}}, "daemon": {"vault": "file"}}', { vault: 'file' }],
    ['a missing comma', '{"daemon": {"vault": "file"} "profiles": {}}', { vault: 'file' }],
    ['no end', '{"daemon": {"vault": "file", "api_port": 7700', { vault: 'file', api_port: 7700 }],
    ['in one setting', '{"daemon": {"vault": "fiel", "api_port": 7700}}', { api_port: 7700 }],
    ['an unknown setting', '{"daemon": {"x": 1, "api_port": 7700}}', { api_port: 7700 }],
    ['no object', '[1]', {}],
    ['no section', '{"daemon": 7}', {}],
    ['too deep', `{"daemon": ${'['.repeat(100_000)}`, {}],
    ['too large', `{"daemon": {"api_port": 7700}}${' '.repeat(1024 * 1024)}`, {}],
  ])('%s: what can be read counts', async (_what, text, section) => {
    const file = join(await temporaryFolder(), 'config.jsonc')
    writeFileSync(file, text, { mode: 0o600 })
    const read = await readSettings(file)
    expect(read.section).toEqual(section)
    expect(read.failure).toMatchObject({ code: 'config_invalid' })
  })

  test('a missing file has none', async () => {
    const read = await readSettings(join(await temporaryFolder(), 'config.jsonc'))
    expect(read).toMatchObject({ section: {}, failure: undefined })
  })
})

const WITH_COMMENTS = `// mine
{
  "profiles": {}, // none yet
  "daemon": {
    // the office needs it
    "api_port": 7700, // not 7636
    /* slow people */ "login_timeout_seconds": 900
  }
}
`

describe('a setting is written', () => {
  test.each([
    [
      'where none was',
      WITH_COMMENTS,
      'vault',
      'file',
      (text: string) => text.replace('900\n', '900,\n    "vault": "file"\n'),
    ],
    ['over another', WITH_COMMENTS, 'api_port', 7800, (text: string) => text.replace('7700', '7800')],
    ['as it is', WITH_COMMENTS, 'api_port', 7700, (text: string) => text],
    [
      'null removes it with its comment',
      WITH_COMMENTS,
      'api_port',
      null,
      (text: string) => text.replace('    "api_port": 7700, // not 7636\n', ''),
    ],
    ['null removes nothing', WITH_COMMENTS, 'vault', null, (text: string) => text],
    [
      'on one line',
      '{"daemon": {"api_port": 1}}',
      'vault',
      'auto',
      () => '{"daemon": {"api_port": 1, "vault": "auto"}}',
    ],
    [
      'with the line ends of Windows',
      '{\r\n\t"profiles": {}\r\n}\r\n',
      'api_port',
      0,
      () => '{\r\n\t"profiles": {},\r\n\t"daemon": {\r\n\t\t"api_port": 0\r\n\t}\r\n}\r\n',
    ],
  ] as const)('%s', async (_what, text, name, value, change) => {
    const file = join(await temporaryFolder(), 'config.jsonc')
    writeFileSync(file, text, { mode: 0o600 })
    await set(file, name, value)
    expect(readFileSync(file, 'utf8')).toBe(change(text))
  })

  test.each([undefined, '', '// to do\n'])('into a file that is missing or empty: %j', async (text) => {
    const file = join(await temporaryFolder(), 'config.jsonc')
    if (text !== undefined) writeFileSync(file, text, { mode: 0o600 })
    await set(file, 'browser', 'none')
    expect((await readSettings(file)).section).toEqual({ browser: 'none' })
    expect(readFileSync(file, 'utf8').startsWith(text ?? '')).toBe(true)
  })

  test.each([
    ['a bad value', WITH_COMMENTS, 'api_port', 70_000, '"daemon.api_port" must be 65535 or less.'],
    ['a value of another type', WITH_COMMENTS, 'api_port', '7800', '"daemon.api_port" must be a number.'],
    ['a bad choice', WITH_COMMENTS, 'vault', 'keychian', 'did you mean "keychain"?'],
    ['an object', WITH_COMMENTS, 'browser', { app: 'x' }, '"daemon.browser" must be a string.'],
    ['a file with a mistake', '{"daemon": {"vault": 1}}', 'api_port', 1, 'Correct it first'],
    ['a file that is no JSON', '{"daemon": ', 'api_port', null, 'Correct it first'],
  ])('%s is refused, and the file is as it was', async (_what, text, name, value, said) => {
    const file = join(await temporaryFolder(), 'config.jsonc')
    writeFileSync(file, text, { mode: 0o600 })
    const failure = await rejectionOf(set(file, name, value))
    expect(failure).toMatchObject({
      code: 'config_invalid',
      exitCode: 7,
      detail: expect.stringContaining(said),
    })
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  test('a change that somebody saves in the meantime is kept', async () => {
    const file = join(await temporaryFolder(), 'config.jsonc')
    writeFileSync(file, WITH_COMMENTS, { mode: 0o600 })
    const store = await ConfigurationStore.open({ file, redirectPort: 8252 })
    const setting = store.set(['daemon', 'vault'], 'file')
    writeFileSync(file, WITH_COMMENTS.replace('7700', '7800'))
    await setting
    store.close()
    expect((await readSettings(file)).section).toMatchObject({ api_port: 7800, vault: 'file' })
  })
})

async function set(file: string, name: string, value: unknown): Promise<void> {
  const store = await ConfigurationStore.open({ file, redirectPort: 8252 })
  await store.set(['daemon', name], value).finally(() => store.close())
}

describe('the running daemon has other settings', () => {
  const inEffect = (env: NodeJS.ProcessEnv, section: DaemonSection = {}): DaemonSetting[] =>
    daemonSettingsInEffect(parseEnvironment(env), section)
  const memory = { CATCHD_VAULT: 'memory' }

  // What this shell has, what the daemon has, the vault that it uses, what is said.
  test.each([
    ['nothing', inEffect({}), inEffect({}), 'keychain', []],
    ['the same variables', inEffect(memory), inEffect(memory), 'memory', []],
    [
      'a variable here',
      inEffect(memory),
      inEffect({}),
      'keychain',
      ['This shell sets CATCHD_VAULT=memory, but the running daemon uses auto.'],
    ],
    [
      'a variable there',
      inEffect({}),
      inEffect(memory),
      'memory',
      ['This shell does not set CATCHD_VAULT, but the running daemon was started with CATCHD_VAULT=memory.'],
    ],
    [
      'two there',
      inEffect({}),
      inEffect({ ...memory, CATCHD_BROWSER: 'my browser' }),
      'memory',
      [
        'This shell does not set CATCHD_VAULT, but the running daemon was started with CATCHD_VAULT=memory.',
        "This shell does not set CATCHD_BROWSER, but the running daemon was started with CATCHD_BROWSER='my browser'.",
      ],
    ],
    [
      'a variable here that the daemon lacks',
      inEffect({ CATCHD_BROWSER: 'none' }),
      inEffect({}),
      'file',
      ['This shell sets CATCHD_BROWSER=none, but the running daemon was started without it.'],
    ],
    ['a variable there with the value here', inEffect({}), inEffect({ CATCHD_API_PORT: '7636' }), 'file', []],
    [
      'the value of the file there',
      inEffect({ CATCHD_API_PORT: '1' }),
      inEffect({}, { api_port: 1 }),
      'file',
      [],
    ],
    ['the vault that auto chose', inEffect({ CATCHD_VAULT: 'file' }), inEffect({}), 'file', []],
    [
      'a changed file',
      inEffect({}, { api_port: 7700 }),
      inEffect({}),
      'file',
      ['daemon.api_port is 7700 now, but the running daemon still uses 7636.'],
    ],
    ['a change that needs no restart', inEffect({}, { log_level: 'debug' }), inEffect({}), 'file', []],
    [
      'another passphrase file',
      inEffect({}),
      inEffect({ CATCHD_VAULT_PASSPHRASE_FILE: '/p' }),
      'file',
      [
        'This shell does not set CATCHD_VAULT_PASSPHRASE_FILE, but the running daemon was started with CATCHD_VAULT_PASSPHRASE_FILE=/p.',
      ],
    ],
    [
      'a passphrase file that is not used',
      inEffect({}),
      inEffect({ CATCHD_VAULT_PASSPHRASE_FILE: '/p' }),
      'keychain',
      [],
    ],
    [
      'folders, keys and addresses',
      inEffect({ CATCHD_HOME: '/x', CATCHD_API_KEY: 'k' }),
      inEffect({}),
      'file',
      [],
    ],
  ])('%s', (_what, here, daemon, vault, said) => {
    expect(differencesInWords(here, daemon, vault)).toEqual(said)
  })
})
