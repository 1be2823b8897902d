import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkEntry, parseConfiguration } from '../../src/config/file.js'
import { failureOf } from './support.js'

const parse = (text: string) => parseConfiguration(text, 'config.jsonc')
const detailOf = (text: string) => {
  const failure = failureOf(() => parse(text))
  expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
  return failure.detail
}

test('the example of the documentation', () => {
  const { profiles, warnings } = parse(`{
    "$schema": "./config.schema.json",
    // the gateway
    "profiles": {
      "gw": {
        "preset": "webmethods", /* endpoints */
        "base_url": "https://gw.example.com:5543",
        "client_id": "374b1fae",
        "client_secret": { "keychain": true },
        "redirect_uri": "http://127.0.0.1:8252/callback",
        "scope": "email",
      },
      "corp": { "issuer": "https://id.example.com", "client_id": "catchd", "scope": "openid offline_access" },
    },
  }`)
  expect([...profiles.keys()]).toEqual(['gw', 'corp'])
  expect(profiles.get('gw')).toMatchObject({ client_secret: { keychain: true }, scope: 'email' })
  expect(warnings).toEqual([])
})

test.each([
  '',
  '  \n',
  '// nothing yet\n',
  '/* a */ // b',
  '\uFEFF',
  '{}',
  '{ "profiles": {}, }',
  '\uFEFF{}\r\n',
])('an empty configuration: %j', (text) => expect(parse(text).profiles.size).toBe(0))

test('every key of the contract is accepted', () => {
  const entry = {
    preset: 'p',
    extends: 'other',
    base_url: 'https://b',
    issuer: 'https://i',
    resource_server: 'https://r',
    ...Object.fromEntries(
      [
        'authorization_endpoint',
        'token_endpoint',
        'refresh_endpoint',
        'revocation_endpoint',
        'introspection_endpoint',
        'userinfo_endpoint',
        'device_authorization_endpoint',
        'pushed_authorization_request_endpoint',
        'registration_endpoint',
        'jwks_uri',
      ].map((key) => [key, 'https://e.example.com/x']),
    ),
    client_id: 'c',
    client_secret: { command: ['op', 'read', 'x'] },
    token_endpoint_auth_method: 'private_key_jwt',
    private_key_file: 'k.pem',
    certificate_file: 'c.pem',
    grant: 'urn:ietf:params:oauth:grant-type:device_code',
    redirect_uri: 'http://127.0.0.1:0/cb',
    listen: '127.0.0.1:1',
    response_mode: 'form_post',
    scope: '',
    scope_separator: ',',
    resource: ['https://a', 'https://b'],
    code_challenge_method: 'plain',
    state_echo: false,
    authorization_parameters: { prompt: 'consent' },
    token_parameters: { a: 'b' },
    token_request_headers: { 'User-Agent': 'x' },
    token_request_format: 'json',
    token_response: {
      pointers: { access_token: '/authed_user/access_token' },
      defaults: { token_type: 'Bearer' },
      expires_in_unit: 'ms',
    },
    dpop: true,
    ca_file: '~/ca.pem',
    refresh: 'on_demand',
    min_ttl_seconds: 0,
    hosts: ['git.example.com'],
  }
  expect(parse(JSON.stringify({ profiles: { a: entry } })).profiles.get('a')).toEqual(entry)
})

describe('what is wrong is named with line, column, rule and suggestion', () => {
  const inProfile = (line: string) => `{\n  "profiles": {\n    "gw": {\n      ${line}\n    }\n  }\n}`
  test.each([
    ['"scopes": "email"', '"scopes" is not a known name in profile "gw". Did you mean "scope"?'],
    ['"clientId": "x"', '"clientId" is not a known name in profile "gw". Did you mean "client_id"?'],
    ['"colour": 1', '"colour" is not a known name in profile "gw".'],
    ['"__proto__": {}', '"__proto__" is not a known name.'],
    ['"scope": "a", "scope": "b"', 'the same name is used twice in this object.'],
  ])('at the name: %s', (line, rule) => {
    const column = line.startsWith('"scope": ') ? 21 : 7
    expect(detailOf(inProfile(line))).toBe(`config.jsonc:4:${column}: ${rule}`)
  })

  test.each([
    ['"grant": "authorisation_code"', 'did you mean "authorization_code"?'],
    ['"grant": "device_code"', 'did you mean "urn:ietf:params:oauth:grant-type:device_code"?'],
    ['"refresh": 5', 'must be one of "ahead", "on_demand".'],
    ['"min_ttl_seconds": "60"', '"min_ttl_seconds" of profile "gw" must be a number.'],
    ['"min_ttl_seconds": -1', 'must be 0 or more.'],
    ['"min_ttl_seconds": 86401', 'must be 86400 or less.'],
    ['"min_ttl_seconds": 1.5', 'must be a whole number.'],
    ['"client_id": ""', 'must not be empty.'],
    ['"client_id": null', 'must be a string.'],
    ['"dpop": "yes"', 'must be true or false.'],
    ['"hosts": "a"', 'must be a list.'],
    ['"issuer": "id.example.com"', 'must be an http or https URL.'],
    ['"token_endpoint": "javascript:alert(1)"', 'must be an http or https URL.'],
    ['"token_endpoint": "http:/a"', 'must be an http or https URL.'],
    ['"redirect_uri": "catchd:/cb"', 'must be an http or https URL.'],
    ['"redirect_uri": "http://127.0.0.1:65536/cb"', 'must be an http or https URL.'],
    ['"extends": "No Name"', '"extends" of profile "gw" must be 1 to 64 of'],
    ['"scope_separator": ", "', 'must have no more than 1 characters.'],
    ['"resource": 5', 'must be a URL or a list of URLs.'],
    ['"client_secret": {"keychian": true}', 'must be {"keychain": true}, {"env": "NAME"}'],
    ['"client_secret": {"keychain": false}', 'must be {"keychain": true}, {"env": "NAME"}'],
    ['"client_secret": {"env": "A", "file": "b"}', 'must be {"keychain": true}, {"env": "NAME"}'],
  ])('at the value: %s', (line, rule) => {
    const column = 7 + line.indexOf(': ') + 2
    const detail = detailOf(inProfile(line))
    expect(detail).toContain(`config.jsonc:4:${column}: `)
    expect(detail).toContain(rule)
  })

  test.each([
    ['"token_response": {"pointer": {}}', 'Did you mean "pointers"?'],
    ['"token_response": {"dead_refresh_tokens": []}', 'Did you mean "dead_refresh_token"?'],
    ['"token_response": {"scope_seperator": ","}', 'Did you mean "scope_separator"?'],
    ['"token_response": {"defaults": {"scopes": "a"}}', 'Did you mean "scope"?'],
    ['"token_response": {"pointers": {"acces_token": "/a"}}', 'Did you mean "access_token"?'],
    ['"token_response": {"pointers": {"access_token": "a"}}', 'must be a JSON pointer that begins with /.'],
    [
      '"authorization_parameters": {"a": 1}',
      '"authorization_parameters.a" of profile "gw" must be a string.',
    ],
    ['"token_request_headers": {"a b": "c"}', 'must be the name of an HTTP header.'],
    ['"token_request_headers": {"a": "c\\r\\nd: e"}', 'must fit into one line of an HTTP header.'],
    ['"client_secret": {"command": []}', '"client_secret.command" of profile "gw" must not be empty.'],
    [
      '"client_secret": {"keychain": true, "s": 1}',
      'this is not a known name in "client_secret" of profile "gw".',
    ],
  ])('inside a value: %s', (line, rule) => expect(detailOf(inProfile(line))).toContain(rule))

  test.each([
    ['{\n "profile": {}\n}', 'config.jsonc:2:2: "profile" is not a known name. Did you mean "profiles"?'],
    ['{"profiles": []}', 'config.jsonc:1:14: "profiles" must be an object.'],
    ['{"profiles": {"gw": 1}}', 'config.jsonc:1:21: profile "gw" must be an object.'],
    [
      '{"profiles": {\n"My GW": {}}}',
      'config.jsonc:2:1: a profile name must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit.',
    ],
    [
      '{"hooks": {"login_requird": ["x"]}}',
      'config.jsonc:1:12: "login_requird" is not a known name in "hooks". Did you mean "login_required"?',
    ],
    ['{"hooks": {"login_required": "x"}}', 'config.jsonc:1:30: "hooks.login_required" must be a list.'],
    ['{"hooks": {"login_required": []}}', 'config.jsonc:1:30: "hooks.login_required" must not be empty.'],
    [
      '{"hooks": {"login_required": ["", "x"]}}',
      'config.jsonc:1:31: "hooks.login_required.0" must name a program.',
    ],
    [
      '{"hooks": {"login_required": ["x", 1]}}',
      'config.jsonc:1:36: "hooks.login_required.1" must be a string.',
    ],
    [
      '{"hooks": {"login_required": ["x", "a\\u0000b"]}}',
      'config.jsonc:1:36: "hooks.login_required.1" must not contain a NUL character.',
    ],
    [
      '{"notify": {"desk_top": true}}',
      'config.jsonc:1:13: "desk_top" is not a known name in "notify". Did you mean "desktop"?',
    ],
    ['{"notify": {"desktop": "yes"}}', 'config.jsonc:1:24: "notify.desktop" must be true or false.'],
    ['{"notify": {"before_seconds": -1}}', 'config.jsonc:1:31: "notify.before_seconds" must be 0 or more.'],
    [
      '{"notify": {"before_seconds": 1.5}}',
      'config.jsonc:1:31: "notify.before_seconds" must be a whole number.',
    ],
    ['{"notify": true}', 'config.jsonc:1:12: "notify" must be an object.'],
    ['[]', 'config.jsonc:1:1: the file must be an object.'],
    ['5', 'config.jsonc:1:1: the file must be an object.'],
    ['null', 'config.jsonc:1:1: the file must be an object.'],
  ])('outside of a profile: %j', (text, detail) => expect(detailOf(text)).toBe(detail))

  test.each([
    ['{\n  "profiles": {', '2:16: a closing } is expected here.'],
    ['{"profiles": }', '1:14: a value is expected here.'],
    ['{profiles: {}}', '1:2: '],
    ['{"profiles" {}}', '1:13: a colon is expected here.'],
    ['{"$schema": "a" "profiles": {}}', '1:17: a comma is expected here.'],
    ['{} {}', '1:4: there must be nothing after the closing }.'],
    ['{"$schema": "a}', '1:13: this string has no closing quote.'],
    ['{} /* a', '1:4: this comment has no end.'],
    ['\uFEFF{\r\n\r\n!}', '3:1: '],
  ])('syntax: %j', (text, detail) => expect(detailOf(text)).toContain(`config.jsonc:${detail}`))

  test('the first problem by place is named, the others counted', () => {
    const detail = detailOf('{"profiles": {"a": {"client_id": 1, "scopes": ""}, "b": {"isuer": "x"}}}')
    expect(detail).toBe(
      'config.jsonc:1:34: "client_id" of profile "a" must be a string. (and 2 more problems)',
    )
  })
})

describe('limits', () => {
  test('a file of more than 1 MiB is refused', () => {
    expect(detailOf(`{}${' '.repeat(1024 * 1024)}`)).toBe('config.jsonc is larger than 1 MiB.')
    expect(parse(`{}${' '.repeat(1024 * 1024 - 2)}`).profiles.size).toBe(0)
  })

  test.each(['[', '{"a":', '{"profiles":{"a":{"hosts":[['])('a million times %s is refused', (opening) => {
    const text = opening.repeat(Math.floor(1_000_000 / opening.length))
    expect(detailOf(text)).toContain('nested deeper than 32 levels')
  })

  test('ten times the profiles do not take a hundred times the time', () => {
    const textOf = (count: number) =>
      JSON.stringify({
        profiles: Object.fromEntries(
          Array.from({ length: count }, (_, index) => [
            `p${index}`,
            { preset: 'github', client_id: `c${index}` },
          ]),
        ),
      })
    const fastestOfThree = (count: number) => {
      const text = textOf(count)
      return Math.min(
        ...[1, 2, 3].map(() => {
          const begun = process.cpuUsage()
          expect(parse(text).profiles.size).toBe(count)
          return process.cpuUsage(begun).user
        }),
      )
    }
    fastestOfThree(1000) // compiled now
    expect(fastestOfThree(10_000) / fastestOfThree(1000)).toBeLessThan(50)
  })
})

describe('secrets', () => {
  test('a client_secret that stands in the file is a warning which does not repeat it', () => {
    const { warnings } = parse('{"profiles": {"gw": {\n  "client_secret": "s3cr3t-canary"}}}')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('config.jsonc:2:3: the client_secret of profile "gw" is in the file.')
    expect(warnings[0]).toContain('catchd profile set-secret gw')
    expect(warnings[0]).not.toContain('canary')
  })

  test('no message repeats a value, wherever it stands', () => {
    const keys = fc.constantFrom(
      'client_secret',
      'client_id',
      'grant',
      'issuer',
      'scope_separator',
      'hosts',
      'dpop',
    )
    const canary = 's3cr3t-canary'
    const values = fc.constantFrom<unknown>(
      canary,
      [canary],
      { [canary]: true },
      { env: canary, file: canary },
      { keychain: true, [canary]: canary },
      { env: canary, [canary]: canary },
      { keychain: canary },
      { command: canary },
      { nested: { deeply: canary } },
    )
    fc.assert(
      fc.property(keys, values, (key, value) => {
        const text = JSON.stringify({ profiles: { gw: { [key]: value } } })
        let said = ''
        try {
          said = parse(text).warnings.join()
        } catch (error) {
          said = `${error} ${JSON.stringify(error)}`
        }
        expect(said).not.toContain('canary')
      }),
    )
  })

  test('whatever the bytes are, the answer is a configuration or config_invalid', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        try {
          parse(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'config_invalid' })
        }
      }),
    )
  })
})

test('an entry from elsewhere is checked by the same rules', () => {
  expect(checkEntry('gw', { scope: 'a' })).toEqual({ scope: 'a' })
  expect(failureOf(() => checkEntry('gw', { scopes: 'a' })).detail).toBe(
    '"scopes" is not a known name in profile "gw". Did you mean "scope"?',
  )
  expect(failureOf(() => checkEntry('../gw', {})).detail).toContain('A profile name must be')
})
