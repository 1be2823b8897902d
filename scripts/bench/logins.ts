/** A login: from the redirect in the browser to a token that can be read. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Gateway } from '../../src/demo/gateway.js'
import type { SeedSystem } from '../../test/support/seed-system.js'
import { type Comparison, median } from './rounds.js'

const LOGINS = 15

/** From the redirect's arrival to a readable token, and the same code exchange without catchd. */
export async function loginRow({
  daemon,
  gateway,
  approve,
}: SeedSystem): Promise<Comparison & { stop(): void }> {
  const ours = async () => {
    const times: number[] = []
    for (let count = 0; count < LOGINS; count++) {
      const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw' } })
      const response = await approve(String(begun.json['authorization_url']))
      const startedAt = performance.now()
      await daemon.follow(response)
      await daemon.api('GET', '/v1/tokens/gw')
      times.push(performance.now() - startedAt)
    }
    return median(times)
  }
  const bareCatcher = createServer((_request, response) => response.end('ok'))
  bareCatcher.listen(0, '127.0.0.1')
  await once(bareCatcher, 'listening')
  const bareUri = `http://127.0.0.1:${(bareCatcher.address() as AddressInfo).port}/callback`
  gateway.allowRedirectUri(bareUri)
  const bare = async () => {
    const times: number[] = []
    for (let count = 0; count < LOGINS; count++) {
      const verifier = 'v'.repeat(43)
      const url = new URL(`${gateway.baseUrl}/invoke/pub.apigateway.oauth2/authorize`)
      url.search = new URLSearchParams({
        response_type: 'code',
        client_id: gateway.clientId,
        redirect_uri: bareUri,
        scope: 'email',
        state: 's',
        code_challenge: verifier,
        code_challenge_method: 'plain',
      }).toString()
      const response = await approve(url.href)
      const startedAt = performance.now()
      await daemon.follow(response)
      await redeemBare(gateway, new URL(response).searchParams.get('code') ?? '', bareUri, verifier)
      times.push(performance.now() - startedAt)
    }
    return median(times)
  }
  return {
    what: 'redirect → readable token',
    against: 'bare catch and exchange',
    unit: 'ms',
    ours,
    reference: bare,
    goal: null,
    rounds: 5,
    stop: () => bareCatcher.close(),
  }
}

function redeemBare(gateway: Gateway, code: string, redirectUri: string, verifier: string): Promise<void> {
  const body = JSON.stringify({
    redirect_uri: redirectUri,
    scope: 'email',
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    client_id: gateway.clientId,
  })
  const url = `${gateway.baseUrl}/invoke/pub.apigateway.oauth2/getAccessToken`
  const credentials = Buffer.from(`${gateway.clientId}:${gateway.clientSecret}`).toString('base64')
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Basic ${credentials}` },
      },
      (response) => {
        response.resume()
        response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('refused'))))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
