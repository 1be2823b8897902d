/**
 * The JSON of the API, version 1. Written by `npm run generate` from the schemas of the daemon; not edited by hand.
 *
 * Instants are RFC 3339 UTC strings, durations integer seconds, and what is unknown is `null`.
 */
import type { FailureCode } from '../failures.js'

export interface ProfileEntry {
  /** Name of a preset (`catchd presets`): endpoints and special settings of a known server */
  readonly preset?: string
  /** Profile to inherit unset values from */
  readonly extends?: string
  /** Address of your server, for {base} in the endpoints of the preset */
  readonly base_url?: string
  /** Issuer identifier; the endpoints are discovered from it (RFC 8414, OpenID Connect Discovery), and `iss` of a response is compared with it (RFC 9207) */
  readonly issuer?: string
  /** A protected resource whose metadata names the issuer (RFC 9728) */
  readonly resource_server?: string
  /** PEM or DER file of the CA that signed the server's certificate, or of that certificate */
  readonly ca_file?: string
  /** Authorization endpoint, which the browser opens (RFC 6749 §3.1) */
  readonly authorization_endpoint?: string
  /** Token endpoint, for codes and refresh tokens (RFC 6749 §3.2) */
  readonly token_endpoint?: string
  /** Endpoint for refresh requests, if it is not the token endpoint */
  readonly refresh_endpoint?: string
  /** Revocation endpoint, for `catchd logout` (RFC 7009) */
  readonly revocation_endpoint?: string
  /** Introspection endpoint, for `catchd inspect` (RFC 7662) */
  readonly introspection_endpoint?: string
  /** UserInfo endpoint, for claims about the user (OpenID Connect Core §5.3) */
  readonly userinfo_endpoint?: string
  /** Device authorization endpoint (RFC 8628 §3.1) */
  readonly device_authorization_endpoint?: string
  /** Pushed authorization request endpoint (RFC 9126) */
  readonly pushed_authorization_request_endpoint?: string
  /** Dynamic client registration endpoint (RFC 7591) */
  readonly registration_endpoint?: string
  /** URL of the keys that id_tokens are checked with (RFC 7517) */
  readonly jwks_uri?: string
  /** Client identifier that the server issued (RFC 6749 §2.2) */
  readonly client_id?: string
  /** Source of the client secret; `catchd profile set-secret NAME` puts it into the vault */
  readonly client_secret?:
    | {
        /** Kept in the vault of the daemon */
        readonly keychain: true
      }
    | {
        /** Name of an environment variable of the daemon */
        readonly env: string
      }
    | {
        /** Path of a file that contains only the secret */
        readonly file: string
      }
    | {
        /** Program and arguments; no shell is used; prints the secret */
        readonly command: readonly string[]
      }
    | string
  /** Client authentication at the token endpoint (RFC 7591 §2) */
  readonly token_endpoint_auth_method?:
    | 'none'
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'client_secret_jwt'
    | 'private_key_jwt'
    | 'tls_client_auth'
  /** Encoding of the credentials for client_secret_basic: form (RFC 6749 §2.3.1), or raw for servers that expect that */
  readonly client_secret_basic_encoding?: 'form' | 'raw'
  /** PEM file of the key for private_key_jwt (RFC 7523) or tls_client_auth */
  readonly private_key_file?: string
  /** PEM file of the certificate for tls_client_auth (RFC 8705) */
  readonly certificate_file?: string
  /** How tokens are obtained */
  readonly grant?:
    | 'authorization_code'
    | 'urn:ietf:params:oauth:grant-type:device_code'
    | 'client_credentials'
    | 'urn:ietf:params:oauth:grant-type:token-exchange'
  /** Token exchange: the token to exchange, from another profile or from a file (RFC 8693 §2.1) */
  readonly subject_token?:
    | {
        /** Another profile */
        readonly profile: string
        /** Which of its tokens; by default access_token */
        readonly token?: 'access_token' | 'id_token'
      }
    | {
        /** Path of a file that contains only the token */
        readonly file: string
      }
  /** Token exchange: token type identifier of the subject token (RFC 8693 §3); by default that of an access token or id_token, and of a JWT for a file */
  readonly subject_token_type?: string
  /** Token exchange: token type identifier of the new token (RFC 8693 §3) */
  readonly requested_token_type?: string
  /** Token exchange: logical names of the services that the new token is for (RFC 8693 §2.1); other requests get one from authorization_parameters or token_parameters */
  readonly audience?: string | readonly string[]
  /** Redirect URI: any loopback host, port and path; port 0 means a new port for each login (RFC 8252 §7.3) */
  readonly redirect_uri?: string
  /** Sent as redirect_uri in the requests, instead of the redirect_uri that catchd listens on, for servers that know it under a name (the RuName of eBay) */
  readonly authorization_redirect_uri?: string
  /** PEM file of the certificate for an https redirect_uri, followed by its chain; by default the certificate of `catchd certificate make` */
  readonly redirect_certificate_file?: string
  /** PEM file of the private key of redirect_certificate_file; other users must not be able to read it */
  readonly redirect_private_key_file?: string
  /** Loopback host:port to listen on, if redirect_uri has a name from the hosts file or leads to a tunnel or a forwarded port; https needs redirect_certificate_file */
  readonly listen?: string
  /** How the authorization response arrives (OAuth 2.0 Multiple Response Types §2.1); with .jwt: signed by the server (JARM) */
  readonly response_mode?: 'query' | 'form_post' | 'fragment' | 'query.jwt' | 'form_post.jwt' | 'fragment.jwt'
  /** Parameter of the authorization response that contains the code, if it is not code */
  readonly code_parameter?: string
  /** Scopes to request, separated by spaces (RFC 6749 §3.3) */
  readonly scope?: string
  /** Separator between scopes; some servers expect a comma */
  readonly scope_separator?: string
  /** Parameter of the authorization request that contains the scopes, if it is not scope */
  readonly scope_parameter?: string
  /** Added to scope: the scope that the server requires for a refresh token (OpenID Connect Core §11); an empty value removes the one of the preset */
  readonly offline_scope?: string
  /** Resource indicator, sent in both requests (RFC 8707) */
  readonly resource?: string | readonly string[]
  /** PKCE (RFC 7636); none only for servers that refuse it; a device login has PKCE only if this is set */
  readonly code_challenge_method?: 'S256' | 'plain' | 'none'
  /** Encoding of the code_challenge for S256: base64url (RFC 7636 §4.2), or hex for servers that expect that */
  readonly code_challenge_encoding?: 'base64url' | 'hex'
  /** false only for servers that drop `state`; this is weaker and requires PKCE and a redirect_uri that no other profile uses */
  readonly state_echo?: boolean
  /** Bind tokens to a key of the daemon (RFC 9449) */
  readonly dpop?: boolean
  /** Added to the authorization request and the device authorization request, in addition to those of the preset; an empty value removes the preset's; `{client_id}`, `{redirect_uri}` and `{scope}` stand for the values of the request */
  readonly authorization_parameters?: Readonly<Record<string, string>>
  /** Added to the token request, in addition to those of the preset; an empty value leaves a parameter out, even a standard one; `{client_id}`, `{client_secret}`, `{code}`, `{code_verifier}`, `{redirect_uri}`, `{refresh_token}` and `{scope}` stand for the values of the request, and a parameter whose value the request does not have is left out; `{{code}}` is the text `{code}` */
  readonly token_parameters?: Readonly<Record<string, string>>
  /** Like token_parameters, for refresh requests only; replaces token_parameters of the same name */
  readonly refresh_parameters?: Readonly<Record<string, string>>
  /** Headers added to the token request, in addition to those of the preset; an empty value removes the preset's */
  readonly token_request_headers?: Readonly<Record<string, string>>
  /** Body of the token request: form as in RFC 6749, or a JSON object */
  readonly token_request_format?: 'form' | 'json'
  /** For token responses that differ from RFC 6749 §5.1 */
  readonly token_response?: {
    /** JSON pointers (RFC 6901) to members that are not at the top level or have another name; of a list, the first that exists is used; expires_at: a member with the instant at which the access token expires, as a date with a time zone, or in seconds or milliseconds since 1970 */
    readonly pointers?: Readonly<Record<string, string | readonly string[]>>
    /** Values for members that the server leaves out, or for a token_type that catchd does not know */
    readonly defaults?: Readonly<Record<string, string>>
    /** Unit of expires_in: seconds, or milliseconds */
    readonly expires_in_unit?: 's' | 'ms'
    /** Separator between scopes in the answer, if it differs from the one in requests */
    readonly scope_separator?: string
    /** What the server says about a refresh token that is no longer valid, if it does not say invalid_grant: error codes, numbers, or sentences of its texts */
    readonly dead_refresh_token?: readonly (string | number)[]
  }
  /** How many seconds an access token is valid, if the server does not say so; unset: unknown */
  readonly expires_in_default?: number
  /** ahead: before expiry, if the profile was used in the last 24 hours; on_demand: when a token is requested */
  readonly refresh?: 'ahead' | 'on_demand'
  /** A token with fewer seconds left is refreshed before a tool gets it */
  readonly min_ttl_seconds?: number
  /** How long after a login the tokens are kept; then catchd revokes and deletes them, and a new login is needed; a refresh does not prolong this; unset: no limit */
  readonly lifetime_seconds?: number
  /** If nobody answers a browser tab that a tool opened (login=auto), tools may open another one after this time; unset: only after the user has logged in */
  readonly login_pause_seconds?: number
  /** Hosts for which `catchd credential` uses this profile; an empty list removes those of the preset; not inherited */
  readonly hosts?: readonly string[]
  /** User name for tools that send the token as a password (git, docker, .netrc); not inherited; by default the one of the preset, else oauth2 */
  readonly token_username?: string
}

export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: string
  /** Seconds left; null when the server did not say */
  readonly expires_in: number | null
  readonly expires_at: string | null
  readonly scope: string | null
  readonly profile: string
  /** The other members of the token response and parameters of the authorization response, without secrets */
  readonly context: Readonly<Record<string, unknown>>
}

export interface IdTokenAnswer {
  readonly id_token: string
  /** Seconds left */
  readonly expires_in: number
  /** `exp` of the id_token */
  readonly expires_at: string
  /** `iss` of the id_token */
  readonly issuer: string
  /** `sub` of the id_token */
  readonly subject: string
  readonly profile: string
}

export interface ProofAnswer extends TokenAnswer {
  readonly dpop: string
}

export interface InspectionAnswer {
  readonly profile: string
  /** `iss` of the id_token */
  readonly issuer: string | null
  /** `sub` of the id_token */
  readonly subject: string | null
  readonly client_id: string
  readonly access_token: {
    readonly token_type: string
    readonly scope: string | null
    /** RFC 3339, UTC */
    readonly obtained_at: string
    readonly expires_at: string | null
    /** Seconds left; null when the server did not say */
    readonly expires_in: number | null
  }
  readonly refresh_token: {
    /** null when the server did not say */
    readonly expires_at: string | null
    /** Why the refresh token is no longer valid */
    readonly refused: string | null
  } | null
  /** The other members of the token response and parameters of the authorization response, without secrets */
  readonly context: Readonly<Record<string, unknown>>
  /** Names of members that are too large for `context`, or nested too deeply */
  readonly left_out: readonly string[]
  readonly id_token: {
    readonly header: Readonly<Record<string, unknown>>
    readonly claims: Readonly<Record<string, unknown>>
  } | null
  /** RFC 7662; null when no endpoint is known */
  readonly introspection: {
    /** The answer of the server, with tokens replaced */
    readonly answer: Readonly<Record<string, unknown>> | null
    /** Why there is no answer */
    readonly error: Failure | null
  } | null
  /** OpenID Connect Core §5.3; null when no endpoint is known */
  readonly userinfo: {
    /** The answer of the server, with tokens replaced */
    readonly answer: Readonly<Record<string, unknown>> | null
    /** Why there is no answer */
    readonly error: Failure | null
  } | null
}

export interface Failure {
  readonly code: FailureCode
  readonly detail: string | null
  /** error of the authorization server */
  readonly error: string | null
  readonly error_description: string | null
}

export type StartedLoginAnswer = PendingLogin | PendingDeviceLogin | PendingCatch

/** Waits for the browser */
export interface PendingLogin {
  readonly login_id: string
  readonly profile: string
  readonly status: 'pending'
  /** Left out for a login that was adopted */
  readonly authorization_url?: string
  readonly redirect_uri: string
  /** RFC 3339, UTC */
  readonly expires_at: string
  /** Why the login may still wait and what to do, one sentence or value a line: the browser was not opened, what arrived instead of a response that can be read, or what to check if nothing arrived for 20 s; null: nothing is known */
  readonly hint?: string | null
  readonly error?: null
  readonly stored?: null
  readonly report?: null
}

/** Waits for the user to enter a code (RFC 8628) */
export interface PendingDeviceLogin {
  readonly login_id: string
  readonly profile: string
  readonly status: 'pending'
  /** Where the user enters the code, with the code in the URL if the server supports that */
  readonly authorization_url: string
  readonly redirect_uri: null
  /** RFC 3339, UTC */
  readonly expires_at: string
  /** The code that the user enters */
  readonly user_code: string
  /** Where the user enters it */
  readonly verification_uri: string
  /** The same with the code in it */
  readonly verification_uri_complete?: string
  /** Why the login may still wait and what to do, one sentence or value a line: the browser was not opened, what arrived instead of a response that can be read, or what to check if nothing arrived for 20 s; null: nothing is known */
  readonly hint?: string | null
  readonly error?: null
  readonly stored?: null
  readonly report?: null
}

/** Waits for a response that another tool redeems */
export interface PendingCatch {
  readonly login_id: string
  /** null for a catch */
  readonly profile: null
  readonly status: 'pending'
  /** Known to the tool that built the request */
  readonly authorization_url?: never
  readonly redirect_uri: string
  /** RFC 3339, UTC */
  readonly expires_at: string
  /** Why the login may still wait and what to do, one sentence or value a line: the browser was not opened, what arrived instead of a response that can be read, or what to check if nothing arrived for 20 s; null: nothing is known */
  readonly hint?: string | null
  readonly error?: null
  readonly stored?: null
  readonly report?: null
}

export type LoginAnswer =
  | PendingLogin
  | PendingDeviceLogin
  | PendingCatch
  | ExchangingLogin
  | SucceededLogin
  | CaughtLogin
  | UnsuccessfulLogin

/** The token request is under way */
export interface ExchangingLogin {
  readonly login_id: string
  readonly profile: string
  readonly status: 'exchanging'
  /** null for a device login */
  readonly redirect_uri: string | null
  /** RFC 3339, UTC */
  readonly expires_at: string
  readonly error: null
  readonly stored: null
  readonly report: null
}

export interface SucceededLogin {
  readonly login_id: string
  readonly profile: string
  readonly status: 'succeeded'
  /** null for a device login */
  readonly redirect_uri: string | null
  /** RFC 3339, UTC */
  readonly expires_at: string
  readonly error: null
  readonly stored: StoredTokenSet
  /** Requests and answers; causes if there is no refresh token and catchd knows how to get one; not kept over a restart */
  readonly report: LoginReport | null
}

/** The token set that a login stored in the vault */
export interface StoredTokenSet {
  readonly stored_in: string
  readonly scope: string | null
  readonly expires_at: string | null
  readonly refreshable: boolean
  readonly subject: string | null
}

export interface LoginReport {
  /** Likely causes, the most likely first; empty if none is known */
  readonly causes: readonly {
    readonly cause:
      | 'redirect_uri_mismatch'
      | 'redirect_uri_host'
      | 'redirect_uri_port'
      | 'client_unknown'
      | 'browser_elsewhere'
      | 'client_secret_wrong'
      | 'client_secret_missing'
      | 'client_secret_unwanted'
      | 'client_authentication_method'
      | 'client_secret_encoding'
      | 'grant_not_allowed'
      | 'pkce_required'
      | 'pkce_method'
      | 'pkce_not_enabled'
      | 'scope_unknown'
      | 'scope_separator'
      | 'offline_scope_missing'
      | 'offline_parameter_missing'
      | 'refresh_not_allowed'
      | 'response_mode_unsupported'
      | 'issuer_mismatch'
      | 'foreign_response'
      | 'clock_skew'
      | 'private_ca'
      | 'certificate_expired'
      | 'certificate_name'
      | 'proxy'
      | 'server_unreachable'
      | 'server_trouble'
      | 'endpoint_wrong'
      | 'request_format'
      | 'refresh_token_dead'
      | 'resource_refused'
      | 'dpop_required'
      | 'dpop_unsupported'
      | 'token_type_unknown'
      | 'access_token_missing'
      | 'id_token_algorithm'
      | 'region_wrong'
      | 'consent_missing'
      | 'account_not_allowed'
      | 'tenant_wrong'
      | 'login_again'
      | 'policy'
      | 'platform_wrong'
      | 'client_disabled'
    /** A sentence or two */
    readonly detail: string
    /** Either a command or a value to register */
    readonly fix: {
      /** A command */
      readonly run: string | null
      /** The key of the profile to set */
      readonly set: string | null
      /** A value to enter at the authorization server */
      readonly register: string | null
    }
  }[]
  /** Requests and answers, without secrets; the authorization request first */
  readonly exchanges: readonly {
    readonly method: string
    /** Host and path */
    readonly endpoint: string
    /** Parameters; a value that may be secret reads [secret] */
    readonly sent: Readonly<Record<string, string>>
    /** Scheme of the Authorization header */
    readonly authorization: string | null
    /** null when there was no answer, or only the browser got it */
    readonly status: number | null
    /** The error members, or the members other than tokens */
    readonly answered: Readonly<Record<string, string>>
    /** Why there is no answer */
    readonly trouble: string | null
    /** Seconds by which this machine is ahead of the Date header of the server */
    readonly clock_difference: number | null
  }[]
}

/** A response that was received for another tool, which gets it once */
export interface CaughtLogin {
  readonly login_id: string
  /** null for a catch */
  readonly profile: null
  readonly status: 'succeeded'
  readonly redirect_uri: string
  /** RFC 3339, UTC */
  readonly expires_at: string
  readonly error: null
  /** The parameters of the authorization response as received; only in the first answer */
  readonly response?: Readonly<Record<string, string>>
  readonly stored: null
  readonly report: null
}

export interface UnsuccessfulLogin {
  readonly login_id: string
  /** null for a catch */
  readonly profile: string | null
  readonly status: 'failed' | 'expired' | 'cancelled'
  /** null for a device login */
  readonly redirect_uri: string | null
  /** RFC 3339, UTC */
  readonly expires_at: string
  readonly error: Failure
  readonly stored: null
  /** Requests, answers and likely causes; not kept over a restart */
  readonly report: LoginReport | null
}

export interface ProfileAnswer {
  readonly profile: string
  /** As configured, without secrets */
  readonly configuration: ProfileEntry
  readonly status: ProfileStatus
  readonly expires_at: string | null
  readonly scope: string | null
  readonly subject: string | null
  /** Why the stored tokens of this profile cannot be read */
  readonly error: Failure | null
  /** Since when every refresh has failed, and why the last one did. catchd tries again */
  readonly refresh_failing: {
    /** RFC 3339, UTC */
    readonly since: string
    readonly error: Failure
  } | null
  /** When the next login is needed. A time in the past: it is needed now. null: the server does not say, or no login is ever needed */
  readonly login_needed_at: string | null
}

export type ProfileStatus = 'logged_in' | 'login_required' | 'login_pending' | 'expired' | 'locked'

export interface ClientWithKey extends ClientAnswer {
  /** Shown only in this answer; send it as `Authorization: Bearer KEY` */
  readonly key: string
}

export type KeyAction = 'token' | 'login' | 'admin'

export interface ClientAnswer {
  readonly client: string
  readonly profiles: readonly string[]
  readonly actions: readonly KeyAction[]
  /** RFC 3339, UTC */
  readonly created_at: string
  readonly expires_at: string | null
  /** null: never */
  readonly last_used_at: string | null
  /** Requests with the key; a crash may lose the count of the last minute */
  readonly uses: number
}

export interface DaemonStatus {
  readonly version: string
  readonly pid: number
  /** RFC 3339, UTC */
  readonly started_at: string
  readonly listeners: {
    readonly redirect: readonly string[]
    /** What arrived last at a redirect URI instead of a response that can be read */
    readonly redirect_missed?: {
      /** RFC 3339, UTC */
      readonly at: string
      readonly detail: string
    }
    readonly socket: string | null
    readonly tcp: string | null
    /** Why TCP does not work as configured, in words */
    readonly tcp_error: string | null
  }
  readonly vault: {
    readonly kind: string
    readonly engine: string
    /** ok, locked or unavailable */
    readonly health: string
    /** Why it is not ok, or why it is the sealed file although nobody chose that */
    readonly reason: string | null
    /** One command to run for that reason */
    readonly next: string | null
    /** Profiles whose newest tokens are in memory only */
    readonly unsaved: readonly string[]
  }
  readonly config: {
    readonly path: string
    readonly ok: boolean
    readonly error: string | null
  }
  readonly profiles: number
  readonly logins_pending: number
  /** Whether catchd is locked: it then gives out and refreshes no token */
  readonly locked: boolean
  /** Why catchd does not lock itself, although `lock` is configured */
  readonly lock_error: string | null
  /** For admin keys and on the socket: the settings that this daemon uses */
  readonly settings?: readonly {
    /** Its path in the configuration, such as daemon.api_port, or the name of a variable without one */
    readonly key: string
    /** null: not set */
    readonly value: string | number | null
    readonly source: 'environment' | 'file' | 'default'
  }[]
  /** For admin keys and on the socket: who got which token, the newest first, since the daemon started; one row for each key, profile and minute */
  readonly token_accesses?: readonly {
    /** Name of an API key, `admin`, or `socket` */
    readonly client: string
    readonly profile: string
    /** RFC 3339, UTC */
    readonly first_at: string
    /** RFC 3339, UTC */
    readonly last_at: string
    readonly count: number
  }[]
}

export interface VaultMigration {
  readonly from: string
  readonly to: 'keychain' | 'file'
  /** Items that were moved */
  readonly items: number
}

export interface DashboardLink {
  /** Opens the dashboard in one browser, once */
  readonly url: string
  /** RFC 3339, UTC */
  readonly expires_at: string
}
