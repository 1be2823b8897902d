/** `catchd certificate make|show`: the daemon's own certificate for https redirect URIs. */
import type { Command } from '@commander-js/extra-typings'
import { systemClock } from '../clock.js'
import {
  ensureOwnCertificate,
  OWN_COMMON_NAME,
  type OwnCertificate,
  readOwnCertificate,
} from '../http/redirect/certificate-making.js'
import { shellWord } from '../text/shell-word.js'
import type { Context } from './context.js'
import { facts, printJson, printNote, printResult } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .command('make')
    .summary('make a certificate for localhost, and show how to make your browser trust it')
    .option('--renew', 'make a new one even if the current one is valid for more than a month')
    .option('--json', 'print it as JSON')
    .action(async ({ renew = false, json }) => {
      const { stateFolder } = context.folders
      const { made, ...certificate } = await ensureOwnCertificate(stateFolder, systemClock.now(), renew)
      if (!made) printNote(KEPT)
      print(certificate, json)
    })
  command
    .command('show')
    .summary('show the certificate, and how to make your browser trust it')
    .option('--json', 'print it as JSON')
    .action(async ({ json }) => {
      print(await readOwnCertificate(context.folders.stateFolder, systemClock.now()), json)
    })
}

const KEPT =
  'The current certificate is valid for more than a month, so it was kept. Use --renew to make a new one.'

function print({ file, names, fingerprint, expiresAt }: OwnCertificate, json: true | undefined): void {
  if (json) {
    printJson({ file, names, fingerprint_sha256: fingerprint, expires_at: expiresAt })
    return
  }
  printResult(
    facts([
      ['certificate', file],
      ['names', names.join(', ')],
      ['SHA-256', fingerprint],
      ['expires', expiresAt],
    ]),
  )
  printNote('')
  printNote(trustSteps(process.platform, file))
}

/**
 * The steps that make a browser trust the certificate: commands to copy, with explanations. catchd does not run them,
 * because the user decides what the browser trusts.
 */
export function trustSteps(platform: NodeJS.Platform, file: string): string[] {
  const path = shellWord(file, platform)
  return [...systemSteps(platform, path), '', ...FIREFOX, '', ...MKCERT]
}

function systemSteps(platform: NodeJS.Platform, path: string): string[] {
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
        `  certutil -user -delstore Root "${OWN_COMMON_NAME}"`,
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
