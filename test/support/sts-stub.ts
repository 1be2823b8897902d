/**
 * AWS's Security Token Service as far as web identities go (the query API, 2011-06-15): checks what is sent and
 * answers in its XML. Written from AWS's reference; AWS's own command line is the judge of it.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface StsStub {
  readonly url: string
  readonly region: string
  /** The forms so far. */
  readonly requests: URLSearchParams[]
  /** Of requests other than AssumeRoleWithWebIdentity: which access key signed them. */
  readonly signedWith: string[]
  /** For the next request: text of an answer, with its status. */
  answerNext(status: number, xml: string): void
  close(): Promise<void>
}

const NAMESPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
export const STS_KEY = 'ASIAEXAMPLEKEY000001'
export const STS_SECRET = 'secret/with+odd=characters&more'

export const stsError = (code: string, message: string) =>
  `<ErrorResponse ${NAMESPACE}><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`

export const stsCredentials = (expiration: string, more = '') => `<?xml version="1.0" encoding="UTF-8"?>
<AssumeRoleWithWebIdentityResponse ${NAMESPACE}>
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>ada</SubjectFromWebIdentityToken>
    <Audience>catchd</Audience>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/deploy/catchd-gw</Arn>
      <AssumedRoleId>AROAEXAMPLE:catchd-gw</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${STS_KEY}</AccessKeyId>
      <SecretAccessKey>secret/with+odd=characters&amp;more</SecretAccessKey>
      <SessionToken>session-token==</SessionToken>
      <Expiration>${expiration}</Expiration>${more}
    </Credentials>
    <SourceIdentity/>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`

const IDENTITY = `<GetCallerIdentityResponse ${NAMESPACE}><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/deploy/catchd-gw</Arn><UserId>AROAEXAMPLE:catchd-gw</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r-2</RequestId></ResponseMetadata></GetCallerIdentityResponse>`

/** @param isGood - Whether a web identity token is one that the role trusts; others are refused as AWS does it. */
export async function startStsStub(isGood: (token: string) => boolean): Promise<StsStub> {
  const requests: URLSearchParams[] = []
  const signedWith: string[] = []
  const next: { status: number; xml: string }[] = []
  const answerTo = (form: URLSearchParams): { status: number; xml: string } => {
    const planned = next.shift()
    if (planned !== undefined) return planned
    if (form.get('Action') === 'GetCallerIdentity') return { status: 200, xml: IDENTITY }
    if (!isGood(form.get('WebIdentityToken') ?? '')) {
      return { status: 400, xml: stsError('InvalidIdentityToken', 'Not a token that the role trusts') }
    }
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '')
    return { status: 200, xml: stsCredentials(inAnHour) }
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
      if (form.get('Action') === 'AssumeRoleWithWebIdentity') requests.push(form)
      else signedWith.push(/Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '')
      const { status, xml } = answerTo(form)
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml)
    })
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-central-1',
    requests,
    signedWith,
    answerNext: (status, xml) => void next.push({ status, xml }),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
