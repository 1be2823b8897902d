/** The client asks for itself (RFC 6749 §4.4.2): its authentication says all. */
import type { UnattendedGrantRequest } from './grant-request.js'

export const clientCredentials: UnattendedGrantRequest = {
  request: () => ({ parameters: {}, secrets: [] }),
}
