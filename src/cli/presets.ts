/** `catchd presets [NAME]`: the servers that catchd knows. Static data: no daemon is needed. */
import type { Command } from 'commander'
import { findPreset, PRESETS, type Preset } from '../authorization-server/presets.js'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { facts, printJson, printResult, table } from './output.js'

export function definePresets(command: Command): void {
  command
    .argument('[name]', 'one of them, with all it sets')
    .option('--json', 'print as JSON')
    .action((name: string | undefined, options: { json?: true }) => {
      const preset = name === undefined ? undefined : requirePreset(name)
      if (options.json) printJson(preset ?? { presets: PRESETS })
      else if (preset === undefined) list()
      else show(preset)
    })
}

function list(): void {
  const rows = PRESETS.map((preset) => [preset.name, preset.title, asksForBase(preset) ? 'base_url' : ''])
  printResult(table(['NAME', 'SERVER', 'ASKS FOR'], rows))
}

function show(preset: Preset): void {
  const { name, title, register, source, checked, profile } = preset
  printResult(
    facts([
      ['name', name],
      ['server', title],
      ['register', register],
      ['source', `${source} (checked ${checked})`],
    ]),
  )
  printResult(`\n${JSON.stringify(profile, null, 2)}\n`)
  const base = asksForBase(preset) ? ' --base-url URL' : ''
  printResult(`catchd profile add NAME --preset ${name}${base} --client-id ID`)
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

function asksForBase({ profile }: Preset): boolean {
  return JSON.stringify(profile).includes('{base}')
}
