/**
 * Mistakes with the machine and the daemon: variables, folders, the configuration file, the lock. They change what all
 * commands see, so they run one after the other, and a row can be followed by what undoes it.
 */
import type { Mistake } from '../../support/mistakes.js'

/** The daemon notices a change of the file a moment later. Asking its socket is cheaper than a start of the program. */
const until = (state: string) =>
  `for _ in $(seq 300); do curl -s --unix-socket {home}/run/catchd.sock http://localhost/v1/status | grep -q '${state}' && break; sleep 0.1; done`
const BROKEN = until('"ok":false')
const VALID = until('"ok":true')
const EMPTY = until('"profiles":0')
const GOOD = { says: 'is valid', after: [VALID] }

/** A home of its own, whose daemon a row may restart. */
const other = (name: string, more: Mistake['env'] = {}) => ({
  CATCHD_HOME: `{folder}/${name}`,
  CATCHD_API_PORT: '0',
  CATCHD_REDIRECT_PORT: '0',
  ...more,
})
const SAME_SETTINGS = ['! catchd status 2>&1 | grep -E "here, but|not set here"', 'catchd daemon stop']

/** Each has a home of its own. */
export const DAEMON_MISTAKES: readonly Mistake[] = [
  {
    line: 'env -u CATCHD_LOG_LEVEL catchd daemon start; catchd status',
    env: other('level', { CATCHD_LOG_LEVEL: 'debug' }),
    exit: 0,
    says: 'This shell sets CATCHD_LOG_LEVEL=debug, but the running daemon uses info.',
    next: 'catchd daemon restart',
    leads: { after: SAME_SETTINGS },
  },
  {
    line: 'CATCHD_LOG_LEVEL=debug catchd daemon start; catchd token gw',
    env: other('left'),
    exit: 7,
    says: 'This shell does not set CATCHD_LOG_LEVEL, but the running daemon was started with CATCHD_LOG_LEVEL=debug. → catchd daemon restart',
    next: 'catchd init',
    leads: { exit: 2, after: ['catchd daemon restart', ...SAME_SETTINGS] },
  },
  {
    line: 'catchd config set daemon.log_level warn',
    env: other('wins', { CATCHD_LOG_LEVEL: 'debug' }),
    exit: 0,
    says: 'CATCHD_LOG_LEVEL is set in this shell. It wins over the file.',
    next: 'unset CATCHD_LOG_LEVEL',
    leads: { says: 'daemon.log_level: warn' },
  },
  {
    line: 'catchd dashboard',
    env: other('port', { CATCHD_API_PORT: '{taken}' }),
    exit: 8,
    says: 'The dashboard is served on the API port. The API port 127.0.0.1:{taken} is used by',
    next: 'catchd doctor',
    leads: {
      exit: 8,
      says: 'API port',
      after: ['catchd status | grep "The API port 127.0.0.1:{taken} is used by"', 'catchd daemon stop'],
    },
  },
]

export const MACHINE_MISTAKES: readonly Mistake[] = [
  {
    line: 'catchd status',
    env: { CATCHD_VAULT: 'memry' },
    exit: 7,
    says: 'CATCHD_VAULT must be one of',
    next: 'unset CATCHD_VAULT',
  },
  {
    line: 'catchd token gw',
    env: { CATCHD_HOEM: '/x', CATCHD_API_PORT: '99999' },
    exit: 7,
    says: 'CATCHD_HOEM is not a known variable. Did you mean CATCHD_HOME?',
    next: 'unset CATCHD_API_PORT CATCHD_HOEM',
  },
  {
    line: 'catchd presets',
    env: { CATCHD_HOME: 'relative' },
    exit: 7,
    says: 'CATCHD_HOME must be an absolute path.',
    next: 'unset CATCHD_HOME',
  },
  {
    line: 'catchd profile edit',
    env: { CATCHD_HOME: `/tmp/${'long'.repeat(30)}` },
    exit: 7,
    says: 'Set CATCHD_HOME to a shorter folder.',
    next: 'unset CATCHD_HOME',
  },
  {
    line: 'catchd status',
    env: { CATCHD_HOME: '{folder}/secret.txt/home', CATCHD_API_PORT: '0', CATCHD_REDIRECT_PORT: '0' },
    exit: 7,
    says: 'catchd: The folder {folder}/secret.txt/home',
    next: 'catchd doctor',
    leads: { exit: 7, says: 'ls -ld' },
  },
  {
    line: 'catchd status',
    env: { CATCHD_HOME: '{folder}/open', CATCHD_API_PORT: '0', CATCHD_REDIRECT_PORT: '0' },
    exit: 7,
    says: 'Other users can write to the folder {folder}/open.',
    next: 'chmod o-w {folder}/open',
  },
  {
    line: 'catchd daemon run',
    exit: 8,
    says: 'Another catchd serves {home}/run/catchd.sock.',
    next: 'catchd status',
    leads: { says: 'daemon' },
  },
  {
    line: 'catchd daemon strat',
    exit: 2,
    says: "Did you mean 'start'?",
    next: 'catchd daemon start',
    leads: { says: 'already running' },
  },
  {
    line: `cp {folder}/bad.jsonc {home}/config.jsonc; ${BROKEN}; catchd profile list`,
    exit: 7,
    says: 'catchd: The configuration file is not valid, so profiles may be missing or old. {home}/config.jsonc:',
    next: 'catchd profile edit',
    env: { EDITOR: 'cp {folder}/good.jsonc' },
    leads: GOOD,
  },
  {
    line: `printf "{ profiles" > {home}/config.jsonc; ${BROKEN}; catchd token nosuch`,
    exit: 7,
    says: '{home}/config.jsonc:1:',
    next: 'catchd profile edit',
    env: { EDITOR: 'cp {folder}/good.jsonc' },
    leads: GOOD,
  },
  {
    line: `printf "{ profiles" > {home}/config.jsonc; ${BROKEN}; catchd credential git get`,
    stdin: 'protocol=https\nhost=nosuch.example\n\n',
    exit: 7,
    says: 'The configuration file is not valid',
    next: 'catchd profile edit',
    env: { EDITOR: 'cp {folder}/good.jsonc' },
    leads: GOOD,
  },
  {
    line: `rm {home}/config.jsonc; ${EMPTY}; catchd token gw`,
    exit: 7,
    says: 'There is no profile "gw".',
    next: 'catchd init',
    // Its questions need a terminal.
    leads: { exit: 2, says: 'catchd profile add --help' },
  },
  {
    line: 'catchd profile list',
    exit: 0,
    says: 'No profiles yet.',
    next: 'catchd init',
    leads: {
      exit: 2,
      says: 'it needs a terminal',
      after: ['cp {folder}/good.jsonc {home}/config.jsonc', until('"profiles":[1-9]'), 'catchd login gw'],
    },
  },
  {
    line: 'catchd lock --passphrase',
    exit: 2,
    says: 'There is no terminal to ask for the passphrase. Use --stdin.',
    next: 'catchd help lock',
  },
  {
    line: 'catchd lock --stdin',
    exit: 2,
    says: 'stdin contains no passphrase.',
    next: 'catchd help lock',
  },
  {
    line: 'echo open-sesame | catchd lock --stdin; catchd token gw',
    exit: 6,
    says: /^catchd is locked$/m,
    next: 'catchd unlock',
    leads: { typed: 'open-sesame', says: 'catchd is unlocked.', after: ['catchd token gw'] },
  },
  {
    line: 'echo open-sesame | catchd lock --stdin; echo wrong | catchd unlock --stdin',
    exit: 6,
    says: 'The passphrase is wrong. catchd stays locked, and nothing is lost.',
    next: 'catchd unlock',
    leads: { typed: 'open-sesame', says: 'catchd is unlocked.' },
  },
]
