/** The vault record of a catch that waits: its `state` is a secret, and it outlives a restart. Never a response. Pure. */
import * as z from 'zod'
import { Secret } from '../secret.js'
import type { PendingCatch } from './login.js'

const CatchRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  redirect_uri: z.string(),
  created_at_ms: z.number(),
  expires_at_ms: z.number(),
  state: z.string().nullable(),
})

export function serialiseCatch(pending: PendingCatch): Secret {
  const record: z.infer<typeof CatchRecord> = {
    version: 1,
    id: pending.id,
    redirect_uri: pending.redirectUri,
    created_at_ms: pending.createdAtMs,
    expires_at_ms: pending.expiresAtMs,
    state: pending.state?.reveal() ?? null,
  }
  return new Secret(JSON.stringify(record))
}

/** @returns `undefined` when the item is not a record of this version. */
export function parseCatch(item: Secret): PendingCatch | undefined {
  let record: z.infer<typeof CatchRecord>
  try {
    record = CatchRecord.parse(JSON.parse(item.reveal()))
  } catch {
    return undefined
  }
  return {
    status: 'pending',
    id: record.id,
    profile: null,
    redirectUri: record.redirect_uri,
    createdAtMs: record.created_at_ms,
    expiresAtMs: record.expires_at_ms,
    authorizationUrl: null,
    state: record.state === null ? null : new Secret(record.state),
  }
}
