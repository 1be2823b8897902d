/**
 * Where the subject token of a token exchange comes from (RFC 8693 §2.1), read at the moment it is exchanged: another
 * profile, or a file that something else keeps fresh (a workload's identity token).
 *
 * Messages name the source, never what was read.
 */
import { open } from 'node:fs/promises'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { Profile } from './profile.js'
import { systemCode } from './write.js'

/** Reads what a profile exchanges (RFC 8693). @throws CatchdError `profile_invalid`, what the other profile's token throws */
export type SubjectTokens = (profile: Profile) => Promise<Secret>

const LARGEST_TOKEN_BYTES = 64 * 1024

/** Fresh tokens of a profile. @throws CatchdError `login_required`, …; `profile_invalid` where there is no id_token */
interface SourceTokens {
  accessToken(profile: string): Promise<Secret>
  idToken(profile: string): Promise<Secret>
}

export function createSubjectTokens(tokens: SourceTokens): SubjectTokens {
  return async (profile) => {
    const source = profile.subject_token
    if (source === undefined) throw unusable(profile, 'it has no subject_token.')
    if ('file' in source) return fromFile(profile, source.file)
    return source.token === 'id_token' ? tokens.idToken(source.profile) : tokens.accessToken(source.profile)
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
