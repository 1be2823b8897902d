/**
 * The top-level key `lock`: when catchd locks itself.
 *
 * Pure. src/lock does it.
 */
import * as z from 'zod'

/** A week. */
const LONGEST_IDLE_SECONDS = 604_800

export const Lock = z
  .strictObject({
    idle_seconds: z
      .int()
      .min(1)
      .max(LONGEST_IDLE_SECONDS)
      .describe('Lock when no tool got a token and nobody logged in for this time; unset: never'),
    screen: z
      .boolean()
      .meta({ default: false })
      .describe('Lock when the screen is locked. Only on Linux, with D-Bus'),
  })
  .partial()
export type Lock = z.infer<typeof Lock>
