/** Compares the settings that a client would start the daemon with, with those of the running daemon. Pure. */
import { shellWord } from '../text/shell-word.js'
import { AFTER_RESTART } from './daemon-section.js'
import { variableOf } from './environment.js'
import { type DaemonSetting, PASSPHRASE_FILE } from './settings.js'

/**
 * @param daemon - The settings that the daemon uses, as `GET /v1/status` answers them.
 * @param vaultKind - The vault that it uses. `auto` may have chosen it.
 * @returns A sentence for each difference that the user can notice.
 */
export function differencesInWords(
  here: readonly DaemonSetting[],
  daemon: readonly DaemonSetting[],
  vaultKind: string,
): string[] {
  const keys = new Set([...here, ...daemon].map(({ key }) => key))
  return [...keys].flatMap((key) => {
    const ours = find(here, key)
    const theirs = find(daemon, key)
    if (ours.value === theirs.value) return []
    if (key === 'daemon.vault' && ours.value === vaultKind) return []
    if (key === PASSPHRASE_FILE && vaultKind !== 'file') return []
    return sentence(ours, theirs)
  })
}

function find(settings: readonly DaemonSetting[], key: string): DaemonSetting {
  return settings.find((setting) => setting.key === key) ?? { key, value: null, source: 'default' }
}

function sentence(ours: DaemonSetting, theirs: DaemonSetting): string[] {
  const { key } = ours
  const name = key.replace(/^daemon\./, '')
  const variable = key === PASSPHRASE_FILE ? key : variableOf(name)
  if (ours.source === 'environment') {
    const uses = theirs.value === null ? 'was started without it' : `uses ${theirs.value}`
    return [`This shell sets ${variable}=${ours.value}, but the running daemon ${uses}.`]
  }
  if (theirs.source === 'environment') {
    const assignment = `${variable}=${shellWord(String(theirs.value))}`
    return [`This shell does not set ${variable}, but the running daemon was started with ${assignment}.`]
  }
  // The daemon uses every other change of the file at once.
  if (!AFTER_RESTART.has(name)) return []
  return [`${key} is ${ours.value} now, but the running daemon still uses ${theirs.value}.`]
}
