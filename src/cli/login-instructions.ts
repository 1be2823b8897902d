/** What a person must do to finish a login, on stderr. */
import type { LoginAnswer } from '../client/wire.js'
import { printNote, styled } from './output.js'
import { printable } from './printable.js'

export type Instructions = Pick<
  LoginAnswer,
  'authorization_url' | 'user_code' | 'verification_uri' | 'verification_uri_complete'
>

/** @param opened - Whether the daemon was asked to open the browser. */
export function printInstructions(login: Instructions, opened: boolean): void {
  const code = login.user_code
  if (code !== undefined) {
    printNote(`Enter the code ${styled('bold', printable(code), process.stderr)} at:`)
    printNote(printable(login.verification_uri_complete ?? login.verification_uri ?? ''))
    return
  }
  printNote(opened ? 'Open this URL if no browser appears:' : 'Open this URL in a browser:')
  printNote(printable(login.authorization_url ?? ''))
}
