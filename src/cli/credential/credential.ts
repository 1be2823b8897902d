/**
 * `catchd credential [--profile NAME] TOOL [OPERATION]`: implements the credential helper protocols of other tools, one
 * file per family of tools. Without `--profile`, the requested host decides, by the `hosts` of the configuration.
 */
import { Argument, type Command, Option } from '@commander-js/extra-typings'
import type { ProfileAnswer } from '../../client/api-types.js'
import type { CatchdClient } from '../../client/client.js'
import { hostsOf, tokenUsernameOf } from '../../config/presets/tool-access.js'
import { CatchdError } from '../../failures.js'
import { bareToken, tokenType } from '../../fast-path/token-format.js'
import type { Context } from '../context.js'
import { addList } from '../help.js'
import { readAll } from '../line-input.js'
import { printNote } from '../output.js'
import { type IdTokenChoice, idTokenOption, requestToken } from '../token.js'
import { requireValidConfiguration } from '../valid-configuration.js'
import { askerOf } from './asker.js'
import { aws } from './aws.js'
import { gcp } from './cloud.js'
import { docker } from './docker.js'
import { git } from './git.js'
import { goauth } from './goauth.js'
import { bazel, headers, netrc } from './headers.js'
import { askedHost, type HostEntry, profileForHost } from './hosts.js'
import { kubectl } from './kubectl.js'
import { oauthbearer, xoauth2 } from './mail.js'
import type { CredentialRequest, CredentialTool, FoundToken, TokenSource } from './tool.js'

export const CREDENTIAL_TOOLS: Readonly<Record<string, CredentialTool>> = {
  git,
  docker,
  kubectl,
  gcp,
  aws,
  headers,
  goauth,
  bazel,
  netrc,
  xoauth2,
  oauthbearer,
}

export function define(command: Command, context: Context): void {
  const tools = Object.entries(CREDENTIAL_TOOLS)
  const takers = tools.filter(([, { takesIdToken }]) => takesIdToken).map(([name]) => name)
  const credential = command
    .addArgument(new Argument('<tool>', 'tool to answer').choices(tools.map(([name]) => name)))
    .argument('[words...]', 'arguments that the tool adds, beginning with the operation')
    .option('--profile <name>', 'profile to use for every host')
    .option('--user <name>', 'user name to send with the token, if the protocol needs one')
    .addOption(idTokenOption(`${takers.join(', ')}: `))
  addList(
    command,
    'Setup:',
    tools.map(([name, { summary }]) => [name, summary]),
  )
  for (const [tool, { settings = {} }] of tools) {
    credential.optionsGroup(`Options for ${tool}:`)
    for (const [name, { value, meaning }] of Object.entries(settings)) {
      credential.option(`--${name} <${value}>`, meaning)
    }
  }
  credential.action(async (name, words, { profile, user, idToken, ...settings }) => {
    const tool = CREDENTIAL_TOOLS[name]
    if (tool === undefined) throw new CatchdError('internal')
    if (idToken && !tool.takesIdToken) throw foreignOption(name)
    const [operation = 'get', ...rest] = words
    // git requires helpers to ignore operations of newer protocol versions.
    if (tool.operations?.includes(operation) === false) return
    const input = readsInput(tool, words) ? await readAll({ end: tool.inputEnd }) : ''
    const environment = process.env
    const question = tool.asksAgainIfRefused?.({ input, environment })
    const asker = question === undefined ? undefined : askerOf(name, question)
    const answered = await tool.answer({
      operation,
      input,
      environment,
      words: rest,
      user,
      settings: settingsOf(name, tool, settings),
      tokens: new ProfileTokenSource(context.client, profile, { idToken }, asker),
    })
    process.stdout.write(answered.stdout)
    if (answered.note !== undefined) printNote(answered.note)
    if (answered.failure !== undefined) throw answered.failure
    if (answered.exitCode !== undefined) process.exitCode = answered.exitCode
  })
}

function readsInput({ readsInput: reads }: CredentialTool, words: readonly string[]): boolean {
  return typeof reads === 'function' ? reads(words) : reads === true
}

/** @throws CatchdError `request_invalid` for an option of another tool */
function settingsOf(
  name: string,
  tool: CredentialTool,
  given: Readonly<Record<string, string>>,
): CredentialRequest['settings'] {
  const attributeName = (setting: string) => new Option(`--${setting}`).attributeName()
  const known = new Map(Object.keys(tool.settings ?? {}).map((setting) => [attributeName(setting), setting]))
  return Object.fromEntries(
    Object.entries(given).map(([attribute, value]) => {
      const setting = known.get(attribute)
      if (setting !== undefined) return [setting, value]
      throw foreignOption(name)
    }),
  )
}

function foreignOption(tool: string): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `${tool} does not support one of the given options.`,
    next: 'catchd help credential',
  })
}

function bound(profile: string): CatchdError {
  return new CatchdError('request_invalid', {
    profile,
    detail:
      'The token is bound to a key (DPoP). Each request needs a proof, which this tool cannot make. catchd proxy makes it.',
    next: 'catchd help proxy',
  })
}

class ProfileTokenSource implements TokenSource {
  readonly #client: CatchdClient
  readonly #profile: string | undefined
  readonly #choice: IdTokenChoice
  readonly #asker: string | undefined
  #profiles: Promise<readonly ProfileAnswer[]> | undefined

  constructor(
    client: CatchdClient,
    profile: string | undefined,
    choice: IdTokenChoice,
    asker: string | undefined,
  ) {
    this.#client = client
    this.#choice = choice
    this.#asker = asker
    this.#profile = profile
  }

  async forHost(asked: string, user?: string): Promise<FoundToken | undefined> {
    const host = askedHost(asked)
    if (host === undefined) return undefined
    const profile = this.#profile ?? profileForHost(await this.#hostEntries(), host, user)
    if (profile !== undefined) return this.#tokenOf(profile)
    // The profile of this host may be in a file that the daemon could not read.
    await requireValidConfiguration(this.#client)
    return undefined
  }

  ofProfile(): Promise<FoundToken> {
    if (this.#profile !== undefined) return this.#tokenOf(this.#profile)
    throw new CatchdError('request_invalid', {
      detail: 'No profile is given. Use --profile NAME.',
      next: 'catchd profile list',
    })
  }

  async hosts(): Promise<ReadonlyMap<string, string>> {
    const entries = (await this.#hostEntries()).filter(
      ({ profile }) => this.#profile === undefined || profile === this.#profile,
    )
    return new Map(entries.flatMap(({ profile, hosts }) => hosts.map((host) => [host, profile] as const)))
  }

  async username(name: string): Promise<string> {
    const found = (await this.#known()).find(({ profile }) => profile === name)
    return tokenUsernameOf(found?.configuration ?? {})
  }

  async insteadOf(profile: string, refused: string): Promise<FoundToken | undefined> {
    await this.#client.refresh(profile, { refused })
    const found = await this.#tokenOf(profile)
    return bareToken(found.token) === refused ? undefined : found
  }

  async #tokenOf(profile: string): Promise<FoundToken> {
    const token = await requestToken({ client: this.#client }, profile, this.#choice, {
      asker: this.#asker,
    })
    // No protocol here can carry the proof that such a token needs, so the server would refuse the request.
    if (tokenType(token).toLowerCase() === 'dpop') throw bound(profile)
    return { profile, token }
  }

  async #hostEntries(): Promise<readonly HostEntry[]> {
    return (await this.#known()).map(({ profile, configuration }) => ({
      profile,
      hosts: hostsOf(configuration),
    }))
  }

  #known(): Promise<readonly ProfileAnswer[]> {
    this.#profiles ??= this.#client.profiles()
    return this.#profiles
  }
}
