/** What a person must do to finish a login, on stderr. */
import type { PendingDeviceLogin, PendingLogin } from '../client/api-types.js'
import { printNote, styled } from './output.js'
import { printable } from './printable.js'

type Instructions =
  | Pick<PendingLogin, 'authorization_url'>
  | Pick<PendingDeviceLogin, 'user_code' | 'verification_uri' | 'verification_uri_complete'>

/** @param opened - Whether the daemon was asked to open the browser. */
export function printInstructions(login: Instructions, opened: boolean): void {
  if ('user_code' in login) {
    printNote(`Enter the code ${styled('bold', printable(login.user_code), process.stderr)} at:`)
    printNote(printable(login.verification_uri_complete ?? login.verification_uri))
    return
  }
  printNote(opened ? 'Open this URL if no browser appears:' : 'Open this URL in a browser:')
  printNote(printable(login.authorization_url ?? ''))
}
