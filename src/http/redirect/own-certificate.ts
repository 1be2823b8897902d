/**
 * Where the daemon's own certificate rests, which https redirect URIs are served with unless their profile names
 * another. Making it is certificate-making.ts, judging it certificate-files.ts; both load more than this.
 */
import { join } from 'node:path'
import type { CertificateFiles } from '../../login/ports.js'

/** The command that makes it, and makes it anew when it is about to expire. */
export const MAKE_CERTIFICATE = 'catchd certificate make'

/** Names that the certificate is good for. */
export const OWN_NAMES = ['localhost', '127.0.0.1', '::1'] as const

export function ownCertificateFiles(stateFolder: string): CertificateFiles {
  return {
    certificateFile: join(stateFolder, 'redirect-certificate.pem'),
    privateKeyFile: join(stateFolder, 'redirect-certificate.key'),
  }
}
