/**
 * `catchd presets [NAME]`: lists the servers that catchd knows, and shows what to register at one of them. The data is
 * static, so no daemon is needed. Other commands print the same advice for a new profile.
 */
import type { Command } from '@commander-js/extra-typings'
import { GRANTS } from '../config/grants.js'
import {
  defaultRedirectUri,
  redirectObjection,
  registeredRedirectUri,
} from '../config/presets/registration.js'
import { findPreset, PRESETS, type Preset } from '../config/presets.js'
import type { Endpoint, ProfileEntry } from '../config/profile.js'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { facts, printJson, printResult, table } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .argument('[name]', 'preset to show with all its settings')
    .option('--json', 'print as JSON')
    .action(async (name, { json }) => {
      const { redirectPort: port } = await context.settings()
      const complete = (preset: Preset) => ({ ...preset, ...pasteable(preset, port) })
      const preset = name === undefined ? undefined : requirePreset(name)
      if (json) printJson(preset === undefined ? { presets: PRESETS.map(complete) } : complete(preset))
      else if (preset === undefined) list()
      else show(preset, port)
    })
}

const CLIENTS: Readonly<Record<Preset['client'], string>> = {
  public: 'public: no secret',
  confidential: 'confidential: it has a secret',
  either: 'public, or confidential with a secret',
}

function list(): void {
  const rows = PRESETS.map((preset) => [
    preset.name,
    preset.title,
    preset.client === 'confidential' ? 'client_id, client_secret' : 'client_id',
    baseOf(preset),
  ])
  printResult(table(['NAME', 'SERVER', 'NEEDS', 'BASE URL'], rows))
}

function show(preset: Preset, port: number): void {
  const { name, title, client, redirect, register, source, checked, profile } = preset
  const { redirect_uri: redirectUri, command } = pasteable(preset, port)
  const anyPort = redirect.match === 'any_port' ? ' (any port is accepted at login)' : ''
  printResult(
    facts([
      ['name', name],
      ['server', title],
      ['client', CLIENTS[client]],
      ['redirect URI', redirectUri === null ? 'need not be registered' : `${redirectUri}${anyPort}`],
      ['register', register],
      ...objections(preset),
      ['source', `${source} (checked ${checked})`],
    ]),
  )
  printResult('')
  printJson(profile, { indented: true })
  printResult(['', command])
}

function objections({ redirect: { refuses, instead } }: Preset): [string, string][] {
  if (refuses === undefined) return []
  const hosts = refuses.map((host) => `http://${host}`).join(', ')
  return [['refused', `${hosts}.${instead === undefined ? '' : ` ${instead}`}`]]
}

/** @throws CatchdError `config_invalid` */
function requirePreset(name: string): Preset {
  const preset = findPreset(name)
  if (preset !== undefined) return preset
  const names = PRESETS.map((row) => row.name)
  throw new CatchdError('config_invalid', {
    detail: `There is no preset "${name}".${suggestion(name, names)}`,
    next: 'catchd presets',
  })
}

/** The texts for the user to copy: the redirect URI to register, and the command that adds a profile of the same name. */
export function pasteable(preset: Preset, port: number): { redirect_uri: string | null; command: string } {
  const { name, client } = preset
  const usual = defaultRedirectUri(preset, { profile: name, port })
  const needsOwn = redirectObjection(preset, usual) !== undefined
  const redirectUri = needsOwn ? REMOTE : usual
  const registered = registeredRedirectUri(preset, redirectUri)
  const words = [
    `catchd profile add ${name} --preset ${name}`,
    needsBase(preset) ? '--base-url URL' : '',
    ...missingEndpoints(preset).map((key) => `--${key.replaceAll('_', '-')} URL`),
    '--client-id ID',
    preset.options ?? '',
    needsOwn ? `--redirect-uri ${REMOTE} --listen 127.0.0.1:PORT` : '',
    client === 'confidential' ? '--client-secret-stdin < FILE' : '',
  ]
  return { redirect_uri: registered ?? null, command: words.filter((word) => word !== '').join(' ') }
}

/** Endpoints that the user has to look up. */
function missingEndpoints({ profile }: Preset): readonly Endpoint[] {
  return profile.issuer === undefined
    ? GRANTS.authorization_code.endpoints.filter((key) => profile[key] === undefined)
    : []
}

const REMOTE = 'https://HOST/callback'

function baseOf(preset: Preset): string {
  const { base_url: base } = preset.profile
  if (base !== undefined) return `${base}, or yours`
  return needsBase(preset) ? 'asked for' : ''
}

/** Whether the user must give the address of the server. */
export function needsBase({ profile }: Preset): boolean {
  return profile.base_url === undefined && JSON.stringify(profile).includes('{base}')
}

/**
 * What to register at the server for a new profile, and why it cannot work there, if that is known.
 *
 * @param entry - The profile in the configuration.
 * @param port - The port of the default redirect URI.
 * @returns Lines for the user.
 */
export function registrationAdvice(
  profile: string,
  entry: Pick<ProfileEntry, 'preset' | 'redirect_uri' | 'extends'>,
  port: number,
): string[] {
  const { preset: presetName, redirect_uri: own, extends: extended } = entry
  const preset = presetName === undefined ? undefined : findPreset(presetName)
  // The redirect URI is inherited, so it is not known here.
  if (extended !== undefined && own === undefined) return []
  const redirectUri = own ?? defaultRedirectUri(preset ?? { profile: {} }, { profile, port })
  if (preset === undefined) return registerLine(redirectUri)
  const objection = redirectObjection(preset, redirectUri)
  return [
    ...(objection === undefined
      ? registerLine(registeredRedirectUri(preset, redirectUri))
      : [`Warning: ${objection}`]),
    `${preset.title}: ${preset.register}`,
    `  ${preset.source}`,
  ]
}

/** With port 0, each login has its own port, so there is nothing to register. */
function registerLine(redirectUri: string | undefined): string[] {
  if (redirectUri === undefined || /:0(?:\/|$)/.test(redirectUri)) return []
  // On its own line, so that it is easy to copy.
  return ['Register this redirect URI at the server:', `  ${redirectUri}`]
}
