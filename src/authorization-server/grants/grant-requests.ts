/** The request of each grant. A new row in config/grants.ts does not compile without its entry here. */
import { DEVICE_CODE, type Grant, TOKEN_EXCHANGE, type UnattendedGrant } from '../../config/grants.js'
import { authorizationCode } from './authorization-code.js'
import { clientCredentials } from './client-credentials.js'
import { deviceCode } from './device-code.js'
import type { AttendedGrantRequest, UnattendedGrantRequest } from './grant-request.js'
import { tokenExchange } from './token-exchange.js'

export const GRANT_REQUESTS = {
  authorization_code: authorizationCode,
  [DEVICE_CODE]: deviceCode,
  client_credentials: clientCredentials,
  [TOKEN_EXCHANGE]: tokenExchange,
} as const satisfies {
  [Type in Grant]: Type extends UnattendedGrant ? UnattendedGrantRequest : AttendedGrantRequest<never>
}
