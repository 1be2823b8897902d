/**
 * `catchd init`: asks for a first profile, writes it, logs in, and shows how to use the token. All of this can also be
 * done with other commands.
 */
import type { Command } from '@commander-js/extra-typings'
import type { ProfileEntry } from '../client/api-types.js'
import { findPreset, PRESETS, type Preset } from '../config/presets.js'
import { PROFILE_NAME_RULE, ProfileName } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { shellWord } from '../text/shell-word.js'
import type { Context } from './context.js'
import { freeName } from './import.js'
import { Questions } from './init-questions.js'
import { login } from './login.js'
import { isUrl, profileOfUrl } from './login-url.js'
import { printNote, printResult } from './output.js'
import { needsBase, registrationAdvice } from './presets.js'
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
  const questions = await Questions.begin('catchd: a profile and its first login')
  const server = await questions.choose('Which service do you want to connect to?', [
    { value: '', label: 'An MCP server, an API or an issuer', hint: 'by its URL' },
    ...PRESETS.map(({ name, title }) => ({ value: name, label: title, hint: name })),
  ])
  const preset = findPreset(server)
  const name =
    preset === undefined ? await byUrl(context, questions) : await byPreset(context, questions, preset)
  await login(context, name, { browser: true })
  printResult(howToUse(name, context))
}

const urlRule = (text: string) =>
  isUrl(text) && URL.canParse(text) ? undefined : 'It must be a complete URL that begins with https://'

/** catchd finds all settings from one URL, unless the user has to register a client. */
async function byUrl(context: Context, questions: Questions): Promise<string> {
  const url = await questions.text('The URL', {
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
  const clientId = await questions.text('The client_id that the server gave you')
  return profileOfUrl(context, url, { clientId })
}

async function byPreset(context: Context, questions: Questions, preset: Preset): Promise<string> {
  const taken = new Set((await context.client.profiles()).map(({ profile }) => profile))
  const name = await questions.text('What should the profile be called?', {
    initial: freeName(preset.name, taken),
    rule: (text) => {
      if (!ProfileName.safeParse(text).success) return `It ${PROFILE_NAME_RULE}.`
      return taken.has(text) ? 'A profile with this name already exists.' : undefined
    },
  })
  const base = needsBase(preset)
    ? {
        base_url: await questions.text('The address of your server', {
          placeholder: 'https://gw.example.com:5543',
          rule: urlRule,
        }),
      }
    : {}
  const { redirectPort: port } = await context.settings()
  questions.say(registrationAdvice(name, { preset: preset.name }, port))
  const clientId = await questions.text('The client_id that the server gave you')
  const secret = await questions.hidden(
    preset.client === 'confidential' ? 'The client secret' : 'The client secret, if there is one',
    preset.client === 'confidential',
  )
  const scope = await questions.text("Scopes, separated by spaces (empty: the server's default)", {
    optional: true,
    ...(preset.profile.scope === undefined ? {} : { initial: preset.profile.scope }),
  })
  const entry: ProfileEntry = {
    preset: preset.name,
    ...base,
    client_id: clientId,
    ...(secret === '' ? {} : { client_secret: secret }),
    ...(scope === '' || scope === preset.profile.scope ? {} : { scope }),
  }
  await context.client.putProfile(name, entry)
  printNote(`Written to ${context.folders.configFile}.${secret === '' ? '' : ' The secret is in the vault.'}`)
  return name
}

function howToUse(name: string, { folders }: Context): string[] {
  return [
    '',
    `catchd token ${name}`,
    `curl -H "Authorization: Bearer $(catchd token ${name})" https://…`,
    `curl --unix-socket ${shellWord(folders.socketPath)} http://localhost/v1/tokens/${name}`,
  ]
}
