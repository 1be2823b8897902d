/**
 * Checks the CATCHD_* variables and the configuration file. They are read as the daemon reads them, but nothing is
 * written, and a mistake in one variable does not stop the checks.
 */
import { type Environment, parseEnvironment } from '../config/environment.js'
import { parseConfiguration } from '../config/file.js'
import type { Folders } from '../config/folders.js'
import { interpret } from '../config/interpret.js'
import type { Profile } from '../config/profile.js'
import { readSnapshot } from '../config/snapshot.js'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { type Finding, failed, ok, warn } from './finding.js'

/** @returns The environment of the valid variables, and a finding about the invalid ones. */
export function examineEnvironment(env: NodeJS.ProcessEnv): { environment: Environment; finding: Finding } {
  const names = Object.keys(env).filter((name) => name.startsWith('CATCHD_') && env[name])
  try {
    const environment = parseEnvironment(env)
    const detail = names.length === 0 ? 'No CATCHD_* variable is set.' : `Set: ${names.sort().join(', ')}`
    return { environment, finding: ok('environment', detail) }
  } catch (error) {
    const good = names.filter((name) => isGood(name, env))
    return {
      environment: parseEnvironment(Object.fromEntries(good.map((name) => [name, env[name]]))),
      finding: failed('environment', error),
    }
  }
}

function isGood(name: string, env: NodeJS.ProcessEnv): boolean {
  try {
    parseEnvironment({ [name]: env[name] })
    return true
  } catch {
    return false
  }
}

interface ExaminedConfiguration {
  readonly findings: Finding[]
  /** `undefined` when the file is not valid. */
  readonly profiles: ReadonlyMap<string, Profile> | undefined
}

export async function examineConfiguration(
  { configFile, configFolder }: Pick<Folders, 'configFile' | 'configFolder'>,
  redirectPort: number,
): Promise<ExaminedConfiguration> {
  const check = 'configuration'
  try {
    const parsed = parseConfiguration(await readSnapshot(configFile), configFile)
    const { profiles, warnings } = interpret(parsed, { redirectPort, configFolder })
    return { findings: [found(configFile, profiles.size), ...warnings.map(asWarning)], profiles }
  } catch (error) {
    return { findings: [failed(check, error)], profiles: undefined }
  }
}

function found(path: string, profiles: number): Finding {
  if (profiles > 0) {
    return ok('configuration', `${path}: ${profiles} ${profiles === 1 ? 'profile' : 'profiles'}`)
  }
  return warn('configuration', `${path} contains no profiles yet.`, 'catchd init')
}

/** Splits a warning of the configuration module, which ends with a command, into text and command. */
function asWarning(text: string): Finding {
  const [, what = text, command] = /^(.*?)\.? (?:Run|Move it to the vault): (.+)$/.exec(text) ?? []
  return warn('configuration', `${what}.`.replace(/\.\.$/, '.'), command ?? null)
}

/** @throws CatchdError `profile_unknown` */
export function requireProfile(name: string, profiles: ReadonlyMap<string, Profile>): Profile {
  const profile = profiles.get(name)
  if (profile !== undefined) return profile
  throw new CatchdError('profile_unknown', {
    detail: `There is no profile ${JSON.stringify(name)}.${suggestion(name, profiles.keys())}`,
    profile: name,
  })
}
