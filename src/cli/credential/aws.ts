/**
 * AWS's `credential_process`: exchanges the token for temporary credentials of a role, which every AWS program and SDK
 * accepts. For programs that exchange the token themselves (web identity), `catchd keep` writes the token file.
 */
import { serverUrlRule } from '../../config/rules.js'
import { CatchdError } from '../../failures.js'
import { bareToken } from '../../fast-path/token-format.js'
import type { RoleRequest } from './sts.js'
import { type CredentialRequest, type CredentialTool, type FoundToken, json } from './tool.js'

/** The formats of IAM and STS. */
const ROLE_ARN = /^arn:(?<partition>aws[a-z-]*):iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/
const REGION = /^[a-z]{2,}(?:-[a-z]+)+-\d{1,2}$/
const [SHORTEST_SECONDS, LONGEST_SECONDS] = [900, 43_200]

export const aws: CredentialTool = {
  summary: 'credential_process = catchd credential --profile NAME aws --role-arn ARN',
  takesIdToken: true,
  settings: {
    'role-arn': { value: 'arn', meaning: 'role to assume; AWS_ROLE_ARN otherwise' },
    'session-name': { value: 'name', meaning: 'shown in CloudTrail; AWS_ROLE_SESSION_NAME, or catchd-NAME' },
    region: { value: 'region', meaning: 'region of the STS; AWS_REGION, or the global STS' },
    duration: { value: 'seconds', meaning: 'lifetime of the credentials; an hour otherwise' },
    'endpoint-url': { value: 'url', meaning: 'URL of another STS; AWS_ENDPOINT_URL_STS' },
  },
  async answer(request) {
    const role = roleOf(request)
    const found = await request.tokens.ofProfile()
    return json({ Version: 1, ...(await credentials(request, role, found)) })
  },
}

type Role = Omit<RoleRequest, 'token' | 'sessionName'> & { readonly sessionName: string | undefined }

async function credentials({ tokens }: CredentialRequest, role: Role, found: FoundToken) {
  const { assumeRole, TokenRefused } = await import('./sts.js') // other tools do not need it, so it loads late
  const sessionName = role.sessionName ?? `catchd-${found.profile}`.slice(0, 64)
  const exchange = (token: string) => assumeRole({ ...role, sessionName, token })
  try {
    return await exchange(bareToken(found.token))
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error
    // STS decides: a token that is valid here can be expired there, or signed with a key that its issuer has replaced.
    const other = await tokens.insteadOf(found.profile, bareToken(found.token))
    if (other === undefined) throw error
    return await exchange(bareToken(other.token))
  }
}

function roleOf({ settings, environment }: CredentialRequest): Role {
  const given = (name: string, ...variables: string[]) =>
    [settings[name], ...variables.map((variable) => environment[variable])].find(
      (value) => value !== undefined && value !== '',
    )
  const roleArn = given('role-arn', 'AWS_ROLE_ARN')
  if (roleArn === undefined) throw wrong('No role is given. Use --role-arn.')
  const partition = ROLE_ARN.exec(roleArn)?.groups?.['partition']
  if (partition === undefined) throw wrong('--role-arn must be like arn:aws:iam::123456789012:role/NAME.')
  const sessionName = given('session-name', 'AWS_ROLE_SESSION_NAME')
  if (sessionName !== undefined && !SESSION_NAME.test(sessionName)) {
    throw wrong('--session-name must be 2 to 64 letters, digits or characters of _+=,.@-.')
  }
  return {
    roleArn,
    sessionName,
    durationSeconds: durationOf(given('duration')),
    endpoint: endpointOf(
      given('endpoint-url', 'AWS_ENDPOINT_URL_STS'),
      given('region', 'AWS_REGION', 'AWS_DEFAULT_REGION'),
      partition,
    ),
    caFile: environment['AWS_CA_BUNDLE'] || undefined,
  }
}

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (seconds >= SHORTEST_SECONDS && seconds <= LONGEST_SECONDS) return seconds
  throw wrong(`--duration must be ${SHORTEST_SECONDS} to ${LONGEST_SECONDS} seconds, the limits of STS.`)
}

function endpointOf(url: string | undefined, region: string | undefined, partition: string): string {
  if (url !== undefined) return checkedEndpoint(url)
  if (region !== undefined && !REGION.test(region)) throw wrong('--region must be like eu-central-1.')
  if (region !== undefined) {
    return `https://sts.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}/`
  }
  if (partition === 'aws') return 'https://sts.amazonaws.com/'
  throw wrong(`A role of ${partition} needs --region.`)
}

/** The token is sent to this endpoint, so it must use TLS or be on this machine. */
function checkedEndpoint(text: string): string {
  if (serverUrlRule(text, 'token_endpoint') === undefined) return new URL(text).href
  throw wrong('--endpoint-url must be an https URL, or an http URL on this machine.')
}

function wrong(detail: string): CatchdError {
  return new CatchdError('request_invalid', { detail, next: 'catchd help credential' })
}
