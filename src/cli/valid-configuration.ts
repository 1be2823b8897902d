/** For commands whose result is wrong if the daemon could not read the configuration file. */
import type { CatchdClient } from '../client/client.js'
import { CatchdError } from '../failures.js'

/**
 * @throws CatchdError `config_invalid` if the file is not valid. The daemon then uses the last valid configuration, or none.
 */
export async function requireValidConfiguration(client: CatchdClient): Promise<void> {
  // The result is printed already, so a status that cannot be had is no failure.
  const config = (await client.status().catch(() => undefined))?.config
  if (config === undefined || config.ok) return
  throw new CatchdError('config_invalid', {
    detail:
      `The configuration file is not valid, so profiles may be missing or old. ${config.error ?? ''}`.trimEnd(),
  })
}
