/** How an authorization response comes to the redirect URI. Pure, without imports. */

/** What the browser brings the parameters in; signed (JARM) or not is another question. */
export type ResponseCarrier = 'query' | 'form_post' | 'fragment'
