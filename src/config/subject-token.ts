/**
 * Where the subject token of a token exchange comes from (RFC 8693 §2.1), read at the moment it is exchanged: another
 * profile, or a file that something else keeps fresh (a workload's identity token).
 *
 * Adapter for {@link SubjectTokens}. Messages name the source, never what was read.
 */
import { open } from 'node:fs/promises'
import type { SubjectTokens } from '../authorization-server/port.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { Profile } from './profile.js'
import { systemCode } from './write.js'

const LARGEST_TOKEN_BYTES = 64 * 1024

interface Tokens {
  readonly accessToken: Secret
  readonly idToken: Secret | null
}

/** @param tokensOf - A fresh token set of a profile; throws CatchdError `login_required`, … */
export function createSubjectTokens(tokensOf: (profile: string) => Promise<Tokens>): SubjectTokens {
  return async (profile) => {
    const source = profile.subject_token
    if (source === undefined) throw unusable(profile, 'it has no subject_token.')
    if ('file' in source) return fromFile(profile, source.file)
    const set = await tokensOf(source.profile)
    const token = source.token === 'id_token' ? set.idToken : set.accessToken
    if (token === null)
      throw unusable(profile, `the token set of profile "${source.profile}" has no id_token.`)
    return token
  }
}

async function fromFile(profile: Profile, path: string): Promise<Secret> {
  try {
    const file = await open(path, 'r')
    try {
      const stats = await file.stat()
      if (!stats.isFile() || stats.size > LARGEST_TOKEN_BYTES) {
        throw unusable(profile, `${path} is no file of at most 64 KiB.`)
      }
      const text = (await file.readFile('utf8')).trim()
      if (text === '') throw unusable(profile, `${path} is empty.`)
      return new Secret(text)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof CatchdError) throw error
    throw unusable(profile, `${path} cannot be read (${systemCode(error)}).`)
  }
}

function unusable(profile: Profile, cause: string): CatchdError {
  return new CatchdError('profile_invalid', {
    profile: profile.name,
    detail: `There is nothing to exchange: ${cause}`,
  })
}
