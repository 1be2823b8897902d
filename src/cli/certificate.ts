/** `catchd certificate make|show`: the daemon's own certificate for https redirect URIs. */
import type { Command } from 'commander'
import { systemClock } from '../clock.js'
import {
  ensureOwnCertificate,
  OWN_COMMON_NAME,
  type OwnCertificate,
  readOwnCertificate,
} from '../http/redirect/certificate-making.js'
import { trustSteps } from './certificate-trust.js'
import type { Context } from './context.js'
import { facts, printJson, printNote, printResult } from './output.js'

export function defineCertificate(command: Command, context: Context): void {
  command
    .command('make')
    .summary('make a certificate for localhost, and show how to make your browser trust it')
    .option('--renew', 'make a new one even if the current one is valid for more than a month')
    .option('--json', 'print it as JSON')
    .action((options: { renew?: true; json?: true }) => make(context, options))
  command
    .command('show')
    .summary('show the certificate, and how to make your browser trust it')
    .option('--json', 'print it as JSON')
    .action((options: { json?: true }) => show(context, options))
}

async function make(
  context: Context,
  options: { readonly renew?: true; readonly json?: true },
): Promise<void> {
  const { stateFolder } = context.folders
  const { made, ...certificate } = await ensureOwnCertificate(
    stateFolder,
    systemClock.now(),
    options.renew === true,
  )
  if (!made)
    printNote(
      'The current certificate is valid for more than a month, so it was kept. Use --renew to make a new one.',
    )
  print(certificate, options.json === true)
}

async function show(context: Context, options: { readonly json?: true }): Promise<void> {
  print(await readOwnCertificate(context.folders.stateFolder, systemClock.now()), options.json === true)
}

function print({ file, names, fingerprint, expiresAt }: OwnCertificate, asJson: boolean): void {
  if (asJson) {
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
  for (const line of trustSteps(process.platform, { file, commonName: OWN_COMMON_NAME })) printNote(line)
}
