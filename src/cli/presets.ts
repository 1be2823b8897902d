/**
 * `catchd presets [NAME]`: lists the servers that catchd knows, and shows what to register at one of them. The data is
 * static, so no daemon is needed.
 */
import type { Command } from 'commander'
import {
  defaultRedirectUri,
  redirectObjection,
  registeredRedirectUri,
} from '../config/presets/registration.js'
import { findPreset, PRESETS, type Preset } from '../config/presets.js'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { facts, printJson, printResult, table } from './output.js'

export function definePresets(command: Command, context: Context): void {
  command
    .argument('[name]', 'preset to show with all its settings')
    .option('--json', 'print as JSON')
    .action((name: string | undefined, options: { json?: true }) => {
      const port = context.environment.redirectPort
      const preset = name === undefined ? undefined : requirePreset(name)
      if (preset === undefined) {
        if (options.json) printJson({ presets: PRESETS.map((row) => ({ ...row, ...pasteable(row, port) })) })
        else list()
      } else if (options.json) printJson({ ...preset, ...pasteable(preset, port) })
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
    baseOf(preset) ?? '',
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
  printResult(`\n${JSON.stringify(profile, null, 2)}\n`)
  printResult(command)
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
    baseOf(preset) === ASKED ? '--base-url URL' : '',
    '--client-id ID',
    needsOwn ? `--redirect-uri ${REMOTE} --listen 127.0.0.1:PORT` : '',
    client === 'confidential' ? '--client-secret-stdin < FILE' : '',
  ]
  return { redirect_uri: registered ?? null, command: words.filter((word) => word !== '').join(' ') }
}

const REMOTE = 'https://HOST/callback'
const ASKED = 'asked for'

function baseOf({ profile }: Preset): string | undefined {
  if (profile.base_url !== undefined) return `${profile.base_url}, or yours`
  return JSON.stringify(profile).includes('{base}') ? ASKED : undefined
}
