/**
 * The location of the daemon's own certificate, which serves https redirect URIs unless their profile names another.
 * certificate-making.ts makes it, and certificate-files.ts checks it. This file is separate because those two load more
 * code.
 */
import { join } from 'node:path'
import type { CertificateFiles } from '../../login/ports.js'

/** The command that makes the certificate, and renews it shortly before it expires. */
export const MAKE_CERTIFICATE = 'catchd certificate make'

export const OWN_NAMES = ['localhost', '127.0.0.1', '::1'] as const

export function ownCertificateFiles(stateFolder: string): CertificateFiles {
  return {
    certificateFile: join(stateFolder, 'redirect-certificate.pem'),
    privateKeyFile: join(stateFolder, 'redirect-certificate.key'),
  }
}
