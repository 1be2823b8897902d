/** Customers, shops and books, as they document themselves. */
import {
  exact,
  onlyOn,
  standardAnswer,
  unlessAuthorization,
  unlessScope,
  type Vendor,
  wants,
} from '../vendor.js'

const SHOP = 'https://shop.myshopify.example/admin/oauth'
const QUICKBOOKS = {
  rules:
    'https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0',
  clients: ['confidential'],
  authorize: 'https://appcenter.intuit.com/connect/oauth2',
  token: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
  revoke: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
  scopes: ['com.intuit.quickbooks.accounting'],
  saysScope: false,
  // Which company it was is said nowhere else.
  callback: { realmId: '9130347' },
  rotates: true,
  lifetime: 3600,
  refreshLifetime: 8_726_400,
  answer: standardAnswer(3600, {
    token_type: 'bearer',
    scope: undefined,
    x_refresh_token_expires_in: 8_726_400,
  }),
} as const satisfies Partial<Vendor>

export const BUSINESS: readonly Vendor[] = [
  {
    preset: 'salesforce',
    rules: 'https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm',
    clients: ['public', 'confidential'],
    authorize: 'https://login.salesforce.com/services/oauth2/authorize',
    token: 'https://login.salesforce.com/services/oauth2/token',
    revoke: 'https://login.salesforce.com/services/oauth2/revoke',
    introspect: 'https://login.salesforce.com/services/oauth2/introspect',
    redirect: onlyOn(['localhost'], exact),
    scopes: ['api', 'web'],
    knownScopes: ['refresh_token'],
    credentials: 'body',
    withholdsRefreshToken: unlessScope('refresh_token'),
    lifetime: null,
    answer: standardAnswer(null, {
      id: 'https://login.salesforce.com/id/00D/005',
      instance_url: 'https://my.salesforce.example',
      issued_at: '1795478400000',
      signature: 'c2lnbmF0dXJl',
    }),
  },
  {
    preset: 'hubspot',
    rules: 'https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide',
    clients: ['confidential'],
    authorize: 'https://app.hubspot.com/oauth/authorize',
    token: 'https://api.hubapi.com/oauth/v3/token',
    redirect: onlyOn(['localhost'], exact),
    scopes: ['oauth', 'crm.objects.contacts.read', 'crm.objects.contacts.write'],
    credentials: 'body',
    lifetime: 1800,
    // The same refresh token again, and the scopes as a list of another name.
    answer: ({ accessToken, refreshToken, sent, scopes }) => ({
      body: {
        access_token: accessToken,
        token_type: 'bearer',
        expires_in: 1800,
        refresh_token: refreshToken ?? sent,
        hub_id: 62_515,
        scopes,
      },
    }),
    refuse: ({ error, about }) => ({
      status: 400,
      body: {
        status: about === 'refresh_token' ? 'BAD_REFRESH_TOKEN' : 'BAD_REQUEST',
        message: 'It was refused.',
        correlationId: 'aeb5f871',
        error,
        error_description: 'It was refused.',
      },
    }),
  },
  {
    preset: 'stripe',
    rules: 'https://docs.stripe.com/connect/oauth-reference',
    clients: ['confidential'],
    authorize: 'https://connect.stripe.com/oauth/authorize',
    token: 'https://connect.stripe.com/oauth/token',
    // In test mode; live mode takes https alone.
    redirect: exact,
    scopes: ['read_write'],
    saysScope: false,
    credentials: 'body',
    lifetime: null,
    answer: standardAnswer(null, {
      token_type: 'bearer',
      livemode: false,
      stripe_publishable_key: 'pk_test_1',
      stripe_user_id: 'acct_1',
    }),
  },
  {
    preset: 'shopify',
    rules:
      'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant',
    baseUrl: 'https://shop.myshopify.example',
    clients: ['confidential'],
    authorize: `${SHOP}/authorize`,
    token: `${SHOP}/access_token`,
    redirect: exact,
    scopes: ['read_products', 'write_orders', 'read_customers'],
    scopeSeparator: ',',
    credentials: 'body',
    withholdsRefreshToken: ({ token }) => wants({ expiring: '1' })(token),
    rotates: true,
    lifetime: 3600,
    refreshLifetime: 7_776_000,
    // No token_type; and only a token that can be refreshed expires.
    answer: ({ accessToken, refreshToken, scopes }) => ({
      body: {
        access_token: accessToken,
        scope: scopes.join(','),
        ...(refreshToken === null
          ? {}
          : { expires_in: 3600, refresh_token: refreshToken, refresh_token_expires_in: 7_776_000 }),
      },
    }),
  },
  {
    ...QUICKBOOKS,
    preset: 'quickbooks',
    written: { redirect_uri: 'https://tunnel.example/callback', listen: '127.0.0.1:9000' },
    redirect: onlyOn([], exact),
  },
  { ...QUICKBOOKS, preset: 'quickbooks-sandbox', redirect: onlyOn(['localhost'], exact) },
  {
    preset: 'xero',
    rules: 'https://developer.xero.com/documentation/guides/oauth2/pkce-flow/',
    clients: ['public', 'confidential'],
    authorize: 'https://login.xero.com/identity/connect/authorize',
    token: 'https://identity.xero.com/connect/token',
    revoke: 'https://identity.xero.com/connect/revocation',
    redirect: onlyOn(['localhost'], exact),
    scopes: ['accounting.transactions', 'accounting.contacts'],
    knownScopes: ['offline_access'],
    withholdsRefreshToken: unlessScope('offline_access'),
    rotates: true,
    lifetime: 1800,
  },
  {
    preset: 'zoho',
    rules: 'https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html',
    clients: ['confidential'],
    authorize: 'https://accounts.zoho.com/oauth/v2/auth',
    token: 'https://accounts.zoho.com/oauth/v2/token',
    revoke: 'https://accounts.zoho.com/oauth/v2/token/revoke',
    redirect: exact,
    scopes: ['ZohoCRM.modules.READ', 'ZohoCRM.settings.READ'],
    scopeSeparator: ',',
    saysScope: false,
    callback: { location: 'eu', 'accounts-server': 'https://accounts.zoho.eu' },
    credentials: 'body',
    withholdsRefreshToken: unlessAuthorization({ access_type: 'offline', prompt: 'consent' }),
    lifetime: 3600,
    // Only a login answers in milliseconds, too.
    answer: (issued) =>
      standardAnswer(3600, {
        scope: undefined,
        api_domain: 'https://www.zohoapis.eu',
        ...(issued.grant === 'refresh' ? {} : { expires_in_sec: 3600, expires_in: 3_600_000 }),
      })(issued),
    // Inside a 200.
    refuse: ({ about }) => ({ body: { error: about === 'client' ? 'invalid_client' : 'invalid_code' } }),
  },
]
