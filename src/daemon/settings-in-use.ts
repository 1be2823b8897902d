/** What `GET /v1/status` says about settings, so that a client can compare them with its own. */
import { AFTER_RESTART, type DaemonSection } from '../config/daemon-section.js'
import type { Environment } from '../config/environment.js'
import { type DaemonSetting, daemonSettingsInEffect } from '../config/settings.js'

/**
 * @param now - The section of the file as it is used now.
 * @returns The settings in use. Those that need a restart are as they were when the daemon started.
 */
export function settingsInUse(
  environment: Environment,
  atStart: DaemonSection,
  now: () => DaemonSection,
): () => DaemonSetting[] {
  const started = new Map(
    daemonSettingsInEffect(environment, atStart).map((setting) => [setting.key, setting]),
  )
  return () =>
    daemonSettingsInEffect(environment, now()).map((setting) => {
      const needsRestart = AFTER_RESTART.has(setting.key.replace(/^daemon\./, ''))
      return (needsRestart ? started.get(setting.key) : undefined) ?? setting
    })
}
