/** Why the API has no TCP address, and what gives it one. Pure. */
import { CatchdError } from '../failures.js'

/** As far as `GET /v1/status` answers it. */
interface DaemonState {
  readonly listeners: { readonly tcp_error: string | null }
  readonly settings?: readonly { readonly key: string; readonly source: string }[] | undefined
}

/**
 * @param need - The beginning of a sentence: what needs the API port.
 * @returns `api_port_in_use`, or `config_invalid` where the port is turned off.
 */
export function withoutTcp(need: string, { listeners, settings = [] }: DaemonState): CatchdError {
  if (listeners.tcp_error !== null) {
    return new CatchdError('api_port_in_use', `${need}. ${listeners.tcp_error}`)
  }
  const isInFile = settings.some(({ key, source }) => key === 'daemon.api_port' && source === 'file')
  return new CatchdError('config_invalid', {
    detail: `${need}, which ${isInFile ? 'daemon.api_port 0' : 'CATCHD_API_PORT=0'} turns off.`,
    next: isInFile ? 'catchd config set daemon.api_port 7636' : 'CATCHD_API_PORT=7636 catchd daemon restart',
  })
}
