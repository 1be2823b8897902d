/**
 * The top-level keys `hooks` and `notify`: how catchd tells the user that a login is needed.
 *
 * Pure. The schemas are the only source of the types, of the JSON Schema for editors and of the reference page.
 * src/notices decides when to notify the user, and does it.
 */
import * as z from 'zod'
import { withAbsoluteProgram } from './paths.js'

/** A year. */
const LONGEST_BEFORE_SECONDS = 31_536_000

const command = z
  .array(z.string().regex(/^[^\0]*$/, 'must not contain a NUL character'))
  .min(1)
  .refine(([program]) => program === undefined || program !== '', {
    path: [0],
    message: 'must name a program',
  })

export const Hooks = z
  .strictObject({
    login_required: command.describe(
      'Program and arguments, run without a shell when a login is needed, and `notify.before_seconds` before that. It is ended after 30 s. It gets CATCHD_PROFILE, CATCHD_REASON and CATCHD_NEEDED_AT',
    ),
  })
  .partial()
export type Hooks = z.infer<typeof Hooks>

/** No desktop notifications by default: without configuration the daemon should not surprise anyone. */
export const NOTIFY_DEFAULTS = { desktop: false, before_seconds: 86_400 }

export const Notify = z
  .strictObject({
    desktop: z
      .boolean()
      .meta({ default: NOTIFY_DEFAULTS.desktop })
      .describe('Show a notification on the desktop: notify-send, on macOS osascript, on Windows PowerShell'),
    before_seconds: z
      .int()
      .min(0)
      .max(LONGEST_BEFORE_SECONDS)
      .meta({ default: NOTIFY_DEFAULTS.before_seconds })
      .describe(
        'How long before a login is needed the user is notified, if the server says when that is and the tokens are valid for longer; 0: not before',
      ),
  })
  .partial()
export type Notify = z.infer<typeof Notify>

export interface NoticeSettings {
  /** Program and arguments; `null`: none. */
  readonly loginRequiredCommand: readonly string[] | null
  readonly desktop: boolean
  /** 0: not before it is needed. */
  readonly beforeSeconds: number
}

/** @param configFolder - Relative paths of programs start here. */
export function noticeSettings(
  { hooks, notify }: { readonly hooks?: Hooks | undefined; readonly notify?: Notify | undefined },
  configFolder: string,
): NoticeSettings {
  const command = hooks?.login_required
  return {
    loginRequiredCommand: command === undefined ? null : withAbsoluteProgram(command, configFolder),
    desktop: notify?.desktop ?? NOTIFY_DEFAULTS.desktop,
    beforeSeconds: notify?.before_seconds ?? NOTIFY_DEFAULTS.before_seconds,
  }
}
