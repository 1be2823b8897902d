/** What a token exchange exchanges: the token of another profile that it names, fresh, or a file. */
import { expect, test } from 'vitest'
import { createSubjectTokens } from '../../src/config/subject-token.js'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'

test.each([
  [undefined, 'access of corp'],
  ['access_token', 'access of corp'],
  ['id_token', 'id of corp'],
] as const)('subject_token.token %s asks the other profile for that one alone', async (token, expected) => {
  const subjectTokens = createSubjectTokens({
    accessToken: async (profile) => new Secret(`access of ${profile}`),
    idToken: async (profile) => new Secret(`id of ${profile}`),
  })
  const source = { profile: 'corp', ...(token === undefined ? {} : { token }) }
  const subject = await subjectTokens(testProfile({ subject_token: source }))
  expect(subject.reveal()).toBe(expected)
})
