/**
 * The vault record of a pending device login: stored before the code is shown, so that it is polled on after a
 * restart. Pure; versioned and parsed like any other input.
 */
import * as z from 'zod'
import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import { Secret } from '../secret.js'
import type { PendingDeviceLogin } from './login.js'

/** A device login with what it polls with. */
export interface PolledLogin {
  readonly login: PendingDeviceLogin
  readonly deviceCode: Secret
  readonly intervalMs: number
  /** Whom it is polled at; a profile edited meanwhile must not send the device code elsewhere. */
  readonly origin: TokenSetOrigin
}

const DeviceLoginRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  profile: z.string(),
  created_at_ms: z.number(),
  expires_at_ms: z.number(),
  device_code: z.string(),
  interval_ms: z.number(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string().nullable(),
  authorization_server: z.string(),
  client_id: z.string(),
})

export function serialiseDeviceLogin({ login, deviceCode, intervalMs, origin }: PolledLogin): Secret {
  const record: z.infer<typeof DeviceLoginRecord> = {
    version: 1,
    id: login.id,
    profile: login.profile,
    created_at_ms: login.createdAtMs,
    expires_at_ms: login.expiresAtMs,
    device_code: deviceCode.reveal(),
    interval_ms: intervalMs,
    user_code: login.device.userCode,
    verification_uri: login.device.verificationUri,
    verification_uri_complete: login.device.verificationUriComplete,
    authorization_server: origin.authorizationServer,
    client_id: origin.clientId,
  }
  return new Secret(JSON.stringify(record))
}

/** @returns `undefined` when the item is not a record of this version: such a login has to be begun again. */
export function parseDeviceLogin(item: Secret): PolledLogin | undefined {
  const record = parseRecord(item)
  if (record === undefined) return undefined
  const device = {
    userCode: record.user_code,
    verificationUri: record.verification_uri,
    verificationUriComplete: record.verification_uri_complete,
  }
  return {
    login: {
      status: 'pending',
      id: record.id,
      profile: record.profile,
      redirectUri: '',
      createdAtMs: record.created_at_ms,
      expiresAtMs: record.expires_at_ms,
      authorizationUrl: device.verificationUriComplete ?? device.verificationUri,
      device,
    },
    deviceCode: new Secret(record.device_code),
    intervalMs: record.interval_ms,
    origin: { authorizationServer: record.authorization_server, clientId: record.client_id },
  }
}

function parseRecord(item: Secret): z.infer<typeof DeviceLoginRecord> | undefined {
  try {
    return DeviceLoginRecord.parse(JSON.parse(item.reveal()))
  } catch {
    return undefined
  }
}
