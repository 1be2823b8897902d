/**
 * `catchd init`: asks for a first profile, writes it, logs in, and shows how to use the token. All of this can also be
 * done with other commands.
 */
import type { Command } from '@commander-js/extra-typings'
import type { ProfileEntry } from '../client/api-types.js'
import { isLoopbackHost, isLoopbackListener } from '../config/loopback.js'
import { defaultRedirectUri, redirectObjection } from '../config/presets/registration.js'
import { findPreset, PRESETS, type Preset } from '../config/presets.js'
import { type Endpoint, PROFILE_NAME_RULE, ProfileName } from '../config/profile.js'
import { redirectUriRule, serverUrlRule } from '../config/rules.js'
import { CatchdError } from '../failures.js'
import { shellWord } from '../text/shell-word.js'
import type { Context } from './context.js'
import { freeName } from './import.js'
import { Questions } from './init-questions.js'
import { login } from './login.js'
import { isUrl, profileOfUrl } from './login-url.js'
import { printNote, printResult } from './output.js'
import { missingEndpoints, needsBase, registrationAdvice } from './presets.js'
import { noteFallback } from './vault-reason.js'

export function define(command: Command, context: Context): void {
  command.option('--json', 'print a failure as JSON').action(() => init(context))
}

async function init(context: Context): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CatchdError('request_invalid', {
      detail: 'catchd init asks questions, so it needs a terminal.',
      next: 'catchd profile add --help',
    })
  }
  await noteFallback(context)
  const existing = (await context.client.profiles()).map(({ profile }) => profile)
  const questions = await Questions.begin('catchd: a profile and its first login')
  if (existing.length > 0)
    questions.say([`You already have: ${existing.join(', ')}. This adds another profile.`])
  const server = await questions.choose(
    'Which service do you want to connect to?',
    { value: '', label: 'Another server, an MCP server or an API', hint: 'by its address' },
    PRESETS.map(({ name, title }) => ({ value: name, label: title, hint: name })),
  )
  const preset = findPreset(server)
  const name =
    preset === undefined
      ? await byUrl(context, questions)
      : await byPreset(context, questions, preset, new Set(existing))
  try {
    await login(context, name, { browser: true })
  } catch (error) {
    printNote(`The profile is saved. To log in later: catchd login ${name}`)
    throw error
  }
  printResult(howToUse(name, context))
}

const urlRule = (text: string) =>
  isUrl(text) && URL.canParse(text) ? undefined : 'It must be a complete URL that begins with https://'

/** A rule that ends a sentence. What the daemon would refuse at the end is said at its question. */
const asSentence = (rule: string | undefined) => (rule === undefined ? undefined : `It ${rule}`)

/** catchd finds all settings from one URL, unless the user has to register a client. */
async function byUrl(context: Context, questions: Questions): Promise<string> {
  const url = await questions.text('What is its address?', {
    placeholder: 'https://mcp.example.com/mcp',
    rule: urlRule,
  })
  try {
    return await profileOfUrl(context, url, {})
  } catch (error) {
    const byHand =
      error instanceof CatchdError && (error.code === 'profile_invalid' || error.code === 'provider_refused')
    if (!byHand || error.next?.includes('--client-id') !== true) throw error
    questions.say([error.detail ?? error.message])
  }
  const clientId = await questions.text('The client ID that the server gave you')
  return profileOfUrl(context, url, { clientId })
}

async function byPreset(
  context: Context,
  questions: Questions,
  preset: Preset,
  taken: Set<string>,
): Promise<string> {
  const usual = freeName(preset.name, taken)
  const name = await questions.text(`What should the profile be called? (Enter: ${usual})`, {
    otherwise: usual,
    rule: (text) => {
      if (!ProfileName.safeParse(text).success) return `It ${PROFILE_NAME_RULE}.`
      return taken.has(text) ? 'A profile with this name already exists.' : undefined
    },
  })
  const urls: Partial<Record<UrlKey, string>> = {}
  for (const key of urlsOf(preset)) urls[key] = await askForUrl(questions, key)
  const { redirectPort: port } = await context.settings()
  const redirect = await redirectOf(questions, preset, defaultRedirectUri(preset, { profile: name, port }))
  questions.say(registrationAdvice(name, { preset: preset.name, ...redirect }, port))
  const clientId = await questions.text('The client ID that the server gave you')
  const secret = await askForSecret(questions, preset)
  const answers = await answersTo(questions, preset)
  const { scope: usualScope = '' } = preset.profile
  const scope = await questions.text(
    `Scopes, separated by spaces (Enter: ${usualScope === '' ? "the server's default" : usualScope})`,
    { otherwise: usualScope },
  )
  const entry: ProfileEntry = {
    preset: preset.name,
    ...urls,
    ...redirect,
    client_id: clientId,
    ...(secret === '' ? {} : { client_secret: secret }),
    ...answers,
    ...(scope === usualScope ? {} : { scope }),
  }
  await context.client.putProfile(name, entry)
  printNote(`Saved in ${context.folders.configFile}.${secret === '' ? '' : ' The secret is in the vault.'}`)
  return name
}

type UrlKey = Endpoint | 'base_url'

function urlsOf(preset: Preset): UrlKey[] {
  return [...(needsBase(preset) ? ['base_url' as const] : []), ...missingEndpoints(preset)]
}

function askForUrl(questions: Questions, key: UrlKey): Promise<string> {
  const what = key === 'base_url' ? 'address of your server' : `URL of the ${key.replaceAll('_', ' ')}`
  // Like an issuer, a base URL has no query: endpoints begin with it.
  const asked = key === 'base_url' ? 'issuer' : key
  return questions.text(`The ${what}`, {
    placeholder: 'https://gw.example.com:5543',
    rule: (text) => urlRule(text) ?? asSentence(serverUrlRule(text, asked)),
  })
}

/** Some services do not accept the usual redirect URI. Then the user gives another one. */
async function redirectOf(
  questions: Questions,
  preset: Preset,
  usual: string,
): Promise<Pick<ProfileEntry, 'redirect_uri' | 'listen'>> {
  const objection = redirectObjection(preset, usual)
  if (objection === undefined) return {}
  questions.say([objection])
  const redirectUri = await questions.text('The redirect URI to use instead', {
    placeholder: 'https://localhost:8443/callback',
    // Where another name leads to is the next question.
    rule: (text) => urlRule(text) ?? asSentence(redirectUriRule(text, '')) ?? redirectObjection(preset, text),
  })
  if (isLoopbackHost(new URL(redirectUri).hostname)) return { redirect_uri: redirectUri }
  const listen = await questions.text('The address on this machine that it leads to', {
    placeholder: '127.0.0.1:8443',
    rule: (text) =>
      isLoopbackListener(text) ? undefined : 'It must be a loopback host:port such as 127.0.0.1:8443.',
  })
  return { redirect_uri: redirectUri, listen }
}

async function askForSecret(questions: Questions, { client }: Preset): Promise<string> {
  if (client === 'public') return ''
  const isNeeded = client === 'confidential'
  return questions.hidden(`The client secret${isNeeded ? '' : ' (Enter: none)'}`, isNeeded)
}

/** What a preset needs besides: in its options, words in capitals come from the vendor. */
async function answersTo(questions: Questions, { options = '' }: Preset): Promise<ProfileEntry> {
  const words = options.split(' ')
  for (const word of new Set(options.match(/\b[A-Z][A-Z_]+\b/g))) {
    const answer = await questions.text(
      `The ${word.toLowerCase().replaceAll('_', ' ')} that the server gave you`,
    )
    for (const [index, before] of words.entries()) words[index] = before.replaceAll(word, answer)
  }
  return options === '' ? {} : (await import('./profile-keys.js')).entryOf(words)
}

function howToUse(name: string, { folders }: Context): string[] {
  return [
    '',
    `catchd token ${name}`,
    `curl -H "Authorization: Bearer $(catchd token ${name})" https://…`,
    `curl --unix-socket ${shellWord(folders.socketPath)} http://localhost/v1/tokens/${name}`,
  ]
}
