/**
 * What the user can do if the system does not let catchd bind an address: for a port in use, it names the process if the
 * system tells.
 */
import { asCatchdError, CatchdError } from '../../failures.js'
import { systemCode } from '../../files/whole-files.js'
import { findPortHolder } from './port-holder.js'

/** Whether the system does not have this address family. */
export function isMissingFamily(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(systemCode(error))
}

/** The failure for an address that the system does not let catchd bind. */
export async function bindFailure(error: unknown, port: number): Promise<CatchdError> {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new CatchdError('redirect_port_in_use', await describeHolder(port))
    case 'EACCES':
      return explainForbidden(port)
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new CatchdError('profile_invalid', 'This system has no such loopback address.')
    case 'EMFILE':
    case 'ENFILE':
      return new CatchdError('internal', { detail: 'Too many files are open to bind a port.', cause: error })
    default:
      return asCatchdError(error)
  }
}

async function describeHolder(port: number): Promise<string> {
  const holder = await findPortHolder(port)
  if (holder === undefined) return `Port ${port} is in use by another process.`
  if (holder.pid === process.pid) return `Port ${port} is in use by this daemon for another purpose.`
  return `Port ${port} is in use by ${holder.command} (process ${holder.pid}).`
}

function explainForbidden(port: number): CatchdError {
  if (port >= 1024) {
    return new CatchdError(
      'redirect_port_in_use',
      `The system does not allow this user to bind port ${port}.`,
    )
  }
  return new CatchdError(
    'profile_invalid',
    `Port ${port} is below 1024, and this system allows such ports only to privileged programs. Register a redirect URI with a higher port.`,
  )
}
