/**
 * The steps that make a browser trust catchd's own certificate, for each platform. `catchd certificate` prints them.
 * catchd does not run them: the user decides what the browser trusts.
 *
 * Pure.
 */

export interface TrustedCertificate {
  readonly file: string
  /** The common name. Windows finds the certificate by it. */
  readonly commonName: string
}

/** Commands to copy, with explanations. */
export function trustSteps(platform: NodeJS.Platform, { file, commonName }: TrustedCertificate): string[] {
  const path = platform === 'win32' ? `"${file}"` : `'${file.replaceAll("'", "'\\''")}'`
  return [...systemSteps(platform, path, commonName), '', ...FIREFOX, '', ...MKCERT]
}

function systemSteps(platform: NodeJS.Platform, path: string, commonName: string): string[] {
  switch (platform) {
    case 'darwin':
      return [
        'Safari, Chrome and Edge use the certificates of your login keychain. Run once:',
        `  security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db ${path}`,
        'To undo this, run:',
        `  security remove-trusted-cert ${path}`,
      ]
    case 'win32':
      return [
        'Chrome and Edge use the certificates of your user account. Run once:',
        `  certutil -user -addstore Root ${path}`,
        'To undo this, run:',
        `  certutil -user -delstore Root "${commonName}"`,
      ]
    default:
      return [
        'Chrome, Chromium and Edge use their own store (certutil is in libnss3-tools or nss-tools). Run once:',
        '  mkdir -p ~/.pki/nssdb',
        `  certutil -d sql:$HOME/.pki/nssdb -A -t P,, -n catchd -i ${path}`,
        'To undo this, run:',
        '  certutil -d sql:$HOME/.pki/nssdb -D -n catchd',
      ]
  }
}

const FIREFOX = [
  'Firefox asks at the first login. Compare the fingerprint with the one above, then accept it. Firefox remembers this',
  'only for this host and port.',
]

const MKCERT = [
  'Or use mkcert (https://github.com/FiloSottile/mkcert), which works for every browser. Then set',
  'redirect_certificate_file and redirect_private_key_file in the profile to its files:',
  '  mkcert -install',
  '  mkcert -cert-file localhost.pem -key-file localhost.key localhost 127.0.0.1 ::1',
]
