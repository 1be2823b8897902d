/** The kinds of logins there are, one a row. */
import { catchKind } from './catch.js'
import { codeKind } from './code.js'
import { deviceKind } from './device.js'
import type { KindParts, LoginKind } from './kind.js'

/** A request is of the first kind that begins with it. */
export const KINDS: readonly ((parts: KindParts) => LoginKind)[] = [catchKind, deviceKind, codeKind]
