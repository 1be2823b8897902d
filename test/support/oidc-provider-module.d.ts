/** The little of the npm package oidc-provider that the tests use; it brings no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface GrantContext {
    readonly oidc: { readonly params: { readonly grant_type?: string } }
  }

  export default class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    use(middleware: (context: RequestContext, next: () => Promise<void>) => Promise<void>): void
    on(event: 'grant.success', listener: (context: GrantContext) => void): this
    on(
      event: 'grant.error',
      listener: (context: GrantContext, error: Error & { readonly error_detail?: string }) => void,
    ): this
    on(event: 'registration_create.success' | 'registration_delete.success', listener: () => void): this
    registerGrantType(
      name: string,
      handler: (context: TokenContext) => Promise<void>,
      parameters: readonly string[],
    ): void
    readonly AccessToken: {
      new (properties: object): AccessToken
      find(token: string): Promise<AccessToken | undefined>
    }
    readonly Client: { readonly adapter: { destroy(id: string): Promise<void> } }
  }

  /** Of any request; `oidc` once one of its own routes has taken it. */
  interface RequestContext {
    readonly oidc?: { readonly params?: { readonly grant_type?: string } }
    body: unknown
  }

  interface TokenContext {
    readonly oidc: { readonly params: Readonly<Record<string, string | undefined>>; readonly client: object }
    body: object
  }

  interface AccessToken {
    readonly accountId?: string
    readonly grantId?: string
    save(): Promise<string>
    readonly clientId?: string
    readonly scope?: string
    readonly exp?: number
    aud?: string | string[] | undefined
  }

  export const errors: {
    readonly InvalidTarget: new () => Error
    readonly InvalidRequest: new (description: string) => Error
  }
}
