/** Presets for CRM, shops, payments and accounting. Data only. */
import { HTTPS_ALONE, LOCALHOST_ALONE, presets } from './preset.js'

const QUICKBOOKS = {
  source:
    'https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/set-redirect-uri',
  client: 'confidential',
} as const
const QUICKBOOKS_ENDPOINTS = {
  authorization_endpoint: 'https://appcenter.intuit.com/connect/oauth2',
  token_endpoint: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
  revocation_endpoint: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
} as const
const SQUARE = { checked: '2026-11-30', client: 'either' } as const
const SQUARE_PROFILE = {
  authorization_endpoint: '{base}/oauth2/authorize',
  token_endpoint: '{base}/oauth2/token',
  token_request_format: 'json',
  token_endpoint_auth_method: 'client_secret_post',
  // No lifetime: the date at which the token ends.
  token_response: { pointers: { expires_at: '/expires_at' } },
} as const

export const BUSINESS = presets([
  {
    name: 'salesforce',
    title: 'Salesforce',
    source: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm',
    client: 'either',
    redirect: LOCALHOST_ALONE,
    register:
      'Create a connected app or external client app with the scope refresh_token. For a sandbox or your own domain, set base_url. Salesforce does not say when a token ends: set expires_in_default to the session timeout of your organization in seconds (7200, unless somebody changed it).',
    profile: {
      base_url: 'https://login.salesforce.com',
      authorization_endpoint: '{base}/services/oauth2/authorize',
      token_endpoint: '{base}/services/oauth2/token',
      revocation_endpoint: '{base}/services/oauth2/revoke',
      introspection_endpoint: '{base}/services/oauth2/introspect',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      token_endpoint_auth_method: 'client_secret_post',
      offline_scope: 'refresh_token',
    },
  },
  {
    name: 'hubspot',
    title: 'HubSpot',
    source: 'https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide',
    client: 'confidential',
    redirect: LOCALHOST_ALONE,
    register: 'Under "Auth" of the app, with the scopes that you request.',
    profile: {
      authorization_endpoint: 'https://app.hubspot.com/oauth/authorize',
      token_endpoint: 'https://api.hubapi.com/oauth/v3/token',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      token_endpoint_auth_method: 'client_secret_post',
      token_response: { pointers: { scope: '/scopes' } },
    },
  },
  {
    name: 'stripe',
    title: 'Stripe Connect',
    source: 'https://docs.stripe.com/connect/oauth-reference',
    client: 'confidential',
    register:
      'Under the OAuth settings of Connect; the client secret is the secret API key. Live mode requires https: set redirect_uri and listen.',
    profile: {
      authorization_endpoint: 'https://connect.stripe.com/oauth/authorize',
      token_endpoint: 'https://connect.stripe.com/oauth/token',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'shopify',
    title: 'Shopify',
    source:
      'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant',
    client: 'confidential',
    register: 'Among the redirect URLs of the app.',
    base: 'https://SHOP.myshopify.com',
    profile: {
      authorization_endpoint: '{base}/admin/oauth/authorize',
      token_endpoint: '{base}/admin/oauth/access_token',
      token_endpoint_auth_method: 'client_secret_post',
      scope_separator: ',',
      // Without it the token does not expire and cannot be refreshed.
      token_parameters: { expiring: '1' },
    },
  },
  {
    ...QUICKBOOKS,
    name: 'quickbooks',
    title: 'QuickBooks (production)',
    redirect: {
      match: 'exact',
      refuses: ['127.0.0.1', 'localhost', '[::1]'],
      instead:
        'Set redirect_uri to an https address that leads to this machine (a tunnel). Set listen to the loopback host:port at the end of the tunnel. For sandbox companies, use the preset quickbooks-sandbox.',
    },
    register: 'Under the production keys of the app. Only https is accepted, and no IP address.',
    profile: QUICKBOOKS_ENDPOINTS,
  },
  {
    ...QUICKBOOKS,
    name: 'quickbooks-sandbox',
    title: 'QuickBooks (sandbox)',
    redirect: LOCALHOST_ALONE,
    register: 'Under the development keys of the app.',
    profile: { ...QUICKBOOKS_ENDPOINTS, redirect_uri: 'http://localhost:{port}/callback/{profile}' },
  },
  {
    name: 'xero',
    title: 'Xero',
    source: 'https://developer.xero.com/documentation/guides/oauth2/pkce-flow/',
    client: 'either',
    redirect: LOCALHOST_ALONE,
    register: 'A "Mobile or desktop app" has no secret; a "Web app" has one.',
    profile: {
      authorization_endpoint: 'https://login.xero.com/identity/connect/authorize',
      token_endpoint: 'https://identity.xero.com/connect/token',
      revocation_endpoint: 'https://identity.xero.com/connect/revocation',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      offline_scope: 'offline_access',
    },
  },
  {
    name: 'zoho',
    title: 'Zoho',
    source: 'https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html',
    client: 'confidential',
    register:
      'A server-based application. For an account in another region, set base_url to https://accounts.zoho.TLD. The response names it as accounts-server.',
    profile: {
      base_url: 'https://accounts.zoho.com',
      authorization_endpoint: '{base}/oauth/v2/auth',
      token_endpoint: '{base}/oauth/v2/token',
      revocation_endpoint: '{base}/oauth/v2/token/revoke',
      token_endpoint_auth_method: 'client_secret_post',
      scope_separator: ',',
      // A refresh token comes only with offline access, and without the prompt only the first time.
      authorization_parameters: { access_type: 'offline', prompt: 'consent' },
      // expires_in may be milliseconds; the seconds then stand beside it.
      token_response: { pointers: { expires_in: ['/expires_in_sec', '/expires_in'] } },
    },
  },
  {
    ...SQUARE,
    name: 'square',
    title: 'Square (production)',
    source: 'https://developer.squareup.com/docs/oauth-api/create-urls-for-square-authorization',
    redirect: HTTPS_ALONE,
    register:
      'The redirect URL of the application, under "OAuth". Without a secret, PKCE is used. For the sandbox, use the preset square-sandbox.',
    profile: { base_url: 'https://connect.squareup.com', ...SQUARE_PROFILE },
  },
  {
    ...SQUARE,
    name: 'square-sandbox',
    title: 'Square (sandbox)',
    source: 'https://developer.squareup.com/docs/oauth-api/walkthrough2',
    redirect: LOCALHOST_ALONE,
    register:
      'The sandbox redirect URL of the application, under "OAuth". Without a secret, PKCE is used. Open a sandbox test account in the developer console before you log in.',
    profile: {
      base_url: 'https://connect.squareupsandbox.com',
      ...SQUARE_PROFILE,
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
    },
  },
  {
    name: 'mailchimp',
    title: 'Mailchimp Marketing',
    source: 'https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/',
    checked: '2026-11-30',
    client: 'confidential',
    redirect: { match: 'exact', refuses: ['localhost'], instead: 'Use 127.0.0.1.' },
    register:
      'A registered app of the account. Tokens do not expire. The address of the API is in the answer of https://login.mailchimp.com/oauth2/metadata.',
    profile: {
      authorization_endpoint: 'https://login.mailchimp.com/oauth2/authorize',
      token_endpoint: 'https://login.mailchimp.com/oauth2/token',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'amazon',
    title: 'Login with Amazon',
    source: 'https://developer.amazon.com/docs/login-with-amazon/authorization-code-grant.html',
    checked: '2026-11-30',
    client: 'confidential',
    redirect: LOCALHOST_ALONE,
    register: 'Under "Allowed Return URLs" in the web settings of the security profile.',
    profile: {
      authorization_endpoint: 'https://www.amazon.com/ap/oa',
      token_endpoint: 'https://api.amazon.com/auth/o2/token',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'amazon-sp-api',
    title: 'Amazon Selling Partner API',
    source: 'https://developer-docs.amazon.com/sp-api/docs/website-authorization-workflow',
    checked: '2026-11-30',
    client: 'confidential',
    redirect: HTTPS_ALONE,
    options: '--authorization-parameters application_id=APPLICATION_ID',
    register:
      'An OAuth redirect URI of the application. client_id is that of Login with Amazon. APPLICATION_ID is amzn1.sp.solution.…; a draft needs application_id=APPLICATION_ID,version=beta. For another region, set base_url to the Seller Central of that region.',
    profile: {
      base_url: 'https://sellercentral.amazon.com',
      authorization_endpoint: '{base}/apps/authorize/consent',
      token_endpoint: 'https://api.amazon.com/auth/o2/token',
      token_endpoint_auth_method: 'client_secret_post',
      code_parameter: 'spapi_oauth_code',
      // Seller Central gives the code, and Login with Amazon redeems it; no document has PKCE for the two.
      code_challenge_method: 'none',
    },
  },
  {
    name: 'ebay',
    title: 'eBay',
    source: 'https://developer.ebay.com/api-docs/static/oauth-redirect-uri.html',
    checked: '2026-11-30',
    client: 'confidential',
    redirect: HTTPS_ALONE,
    options: '--authorization-redirect-uri RUNAME',
    register:
      'Under "User Tokens" of the application keys, as the auth accepted URL. eBay gives it a name, the RuName.',
    profile: {
      authorization_endpoint: 'https://auth.ebay.com/oauth2/authorize',
      token_endpoint: 'https://api.ebay.com/identity/v1/oauth2/token',
      // The server says "User Access Token".
      token_response: { defaults: { token_type: 'Bearer' } },
    },
  },
])
