/**
 * How a person lets the browser trust catchd's own certificate, per platform: the lines that `catchd certificate`
 * prints. catchd runs none of them, because what a browser trusts is for its owner to decide.
 *
 * Pure.
 */

export interface TrustedCertificate {
  readonly file: string
  /** Common name, by which Windows finds it again. */
  readonly commonName: string
}

/** Commands to copy, with the lines that say what they are for. */
export function trustSteps(platform: NodeJS.Platform, { file, commonName }: TrustedCertificate): string[] {
  const path = platform === 'win32' ? `"${file}"` : `'${file.replaceAll("'", "'\\''")}'`
  return [...systemSteps(platform, path, commonName), '', ...FIREFOX, '', ...MKCERT]
}

function systemSteps(platform: NodeJS.Platform, path: string, commonName: string): string[] {
  switch (platform) {
    case 'darwin':
      return [
        'Safari, Chrome and Edge trust what your login keychain trusts. Once:',
        `  security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db ${path}`,
        'To take it back:',
        `  security remove-trusted-cert ${path}`,
      ]
    case 'win32':
      return [
        'Chrome and Edge trust what your user account trusts. Once:',
        `  certutil -user -addstore Root ${path}`,
        'To take it back:',
        `  certutil -user -delstore Root "${commonName}"`,
      ]
    default:
      return [
        'Chrome, Chromium and Edge have a store of their own (certutil is in libnss3-tools or nss-tools). Once:',
        '  mkdir -p ~/.pki/nssdb',
        `  certutil -d sql:$HOME/.pki/nssdb -A -t P,, -n catchd -i ${path}`,
        'To take it back:',
        '  certutil -d sql:$HOME/.pki/nssdb -D -n catchd',
      ]
  }
}

const FIREFOX = [
  'Firefox asks at the first login: compare the fingerprint with the one above, then accept it. It keeps that',
  'for this host and port alone.',
]

const MKCERT = [
  'Or let mkcert (https://github.com/FiloSottile/mkcert) do it for every browser, and name its files in the profile',
  'as redirect_certificate_file and redirect_private_key_file:',
  '  mkcert -install',
  '  mkcert -cert-file localhost.pem -key-file localhost.key localhost 127.0.0.1 ::1',
]
