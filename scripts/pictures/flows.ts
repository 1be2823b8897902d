/** The sources of the drawings: one login as a user sees it, and as the modules of the source see it. */
import { drawSequence } from './sequence.js'

const [TOOL, CATCHD, BROWSER, SERVER] = ['Your tool', 'catchd', 'Your browser', 'Authorization server']

const login = drawSequence({
  title: 'One login with catchd, and the tokens after it',
  participants: [TOOL, CATCHD, BROWSER, SERVER],
  column: 250,
  accent: CATCHD,
  steps: [
    { phase: 'Once: the login' },
    { from: TOOL, to: CATCHD, text: 'catchd login gw' },
    { from: CATCHD, to: BROWSER, text: 'opens the authorization URL' },
    { from: BROWSER, to: SERVER, text: 'you approve the request' },
    { from: SERVER, to: BROWSER, text: 'redirect with code and state', answer: true },
    { from: BROWSER, to: CATCHD, text: 'GET /callback/gw?code=…&state=…' },
    { from: CATCHD, to: SERVER, text: 'redeems the code, with the code_verifier that belongs to this state' },
    { from: SERVER, to: CATCHD, text: 'access token and refresh token', answer: true },
    { at: CATCHD, text: 'stores the tokens in the keychain' },
    { from: CATCHD, to: BROWSER, text: 'a page without the code', answer: true },
    { from: CATCHD, to: TOOL, text: 'Logged in: gw', answer: true },
    { phase: 'From then on: the token' },
    { from: TOOL, to: CATCHD, text: 'catchd token gw, or HTTP' },
    { from: CATCHD, to: SERVER, text: 'refreshes the token if it is about to expire' },
    { from: CATCHD, to: TOOL, text: 'a valid access token', answer: true },
  ],
})

const modules = drawSequence({
  title: 'How one code passes through the modules of catchd',
  participants: ['browser', 'http/redirect', 'login', 'journal', 'authorization-server', 'tokens', 'vault'],
  column: 185,
  steps: [
    {
      at: 'login',
      until: 'vault',
      text: 'begin: bind the address, prepare the request, store the pending login in the vault; then give out the URL',
    },
    { from: 'browser', to: 'http/redirect', text: 'code and state' },
    { at: 'http/redirect', text: 'check Host, method, path' },
    { from: 'http/redirect', to: 'login', text: 'authorization response' },
    { at: 'login', text: 'claim: remove, then check' },
    { from: 'login', to: 'journal', text: 'claimed, on the disk' },
    { from: 'login', to: 'authorization-server', text: 'redeem: code and code_verifier' },
    {
      from: 'authorization-server',
      to: 'login',
      text: 'token response, always in the same shape',
      answer: true,
    },
    { from: 'login', to: 'tokens', text: 'store the token set' },
    { from: 'tokens', to: 'vault', text: 'vault first, then memory' },
    { from: 'tokens', to: 'login', text: 'stored', answer: true },
    { from: 'login', to: 'http/redirect', text: 'the login has ended', answer: true },
    { from: 'http/redirect', to: 'browser', text: '303 to a page without code', answer: true },
  ],
})

/** Paths from the root of the repository, with what stands there. */
export const FLOW_DRAWINGS: readonly (readonly [string, string])[] = [
  ['docs/images/login.svg', login],
  ['docs/images/modules.svg', modules],
]
