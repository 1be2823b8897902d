/**
 * Gets the subject token of a token exchange (RFC 8693 §2.1) when it is needed: from another profile, or from a file
 * that another program updates (the identity token of a workload).
 *
 * Messages name the source, never its content.
 */
import { CatchdError } from '../failures.js'
import { type FileTrouble, readSecretFile } from '../files/named-file.js'
import { Secret } from '../secret.js'
import type { Profile } from './profile.js'

/** Reads what a profile exchanges (RFC 8693). @throws CatchdError `profile_invalid`, and failures of the other profile */
export type SubjectTokens = (profile: Profile) => Promise<Secret>

/** Fresh tokens of a profile. @throws CatchdError `login_required`, …; `profile_invalid` where there is no id_token */
interface SourceTokens {
  accessToken(profile: string): Promise<Secret>
  idToken(profile: string): Promise<Secret>
}

export function createSubjectTokens(tokens: SourceTokens): SubjectTokens {
  return async (profile) => {
    const source = profile.subject_token
    if (source === undefined) throw unusable(profile, 'the profile has no subject_token.')
    if ('file' in source) {
      const { file } = source
      const refused = ({ cause, fix }: FileTrouble) => unusable(profile, `${file} ${cause}`, fix)
      const text = (await readSecretFile(file, refused)).trim()
      if (text === '') throw unusable(profile, `${file} is empty.`)
      return new Secret(text)
    }
    return source.token === 'id_token' ? tokens.idToken(source.profile) : tokens.accessToken(source.profile)
  }
}

function unusable(profile: Profile, cause: string, next?: string): CatchdError {
  return new CatchdError('profile_invalid', {
    profile: profile.name,
    detail: `There is no token to exchange: ${cause}`,
    next,
  })
}
