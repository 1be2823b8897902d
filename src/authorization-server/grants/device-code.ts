/** Asking whether a person has entered the code (RFC 8628 §3.4). */
import type { Secret } from '../../secret.js'
import type { AttendedGrantRequest } from './grant-request.js'

export const deviceCode: AttendedGrantRequest<Secret> = {
  request: (code) => ({ parameters: { device_code: code.reveal() }, secrets: [code] }),
}
