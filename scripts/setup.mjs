/**
 * Makes a fresh checkout ready: packages as locked, the built program and, for the tests, the system packages
 * that some of them need. Plain JavaScript on Node's own modules, because it runs before anything is installed.
 *
 * node scripts/setup.mjs [--no-build] [--test]
 * node scripts/setup.mjs --site
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const options = new Set(process.argv.slice(2))

requireNode(20, 19)
if (options.has('--site')) installPackages('site')
else {
  if (options.has('--test')) installSystemPackages()
  installPackages('.')
  if (options.has('--test')) installToolsOfNpm()
  if (!options.has('--no-build')) build()
}

function requireNode(major, minor) {
  const [runningMajor = 0, runningMinor = 0] = process.versions.node.split('.').map(Number)
  if (runningMajor > major || (runningMajor === major && runningMinor >= minor)) return
  console.error(`catchd needs Node.js ${major}.${minor} or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

/** Installs only when the lock file is newer than what is installed. */
function installPackages(name) {
  const folder = join(root, name)
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const stamp = join(folder, 'node_modules', '.catchd-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say(name === '.' ? 'installing packages' : `installing packages of ${name}/`)
  // Not `npm ci`: it refuses a lock file that lacks the binaries of other platforms, which a mirror may not have.
  // The locked versions are installed either way, and the lock file stays as it is.
  // Without scripts: no package needs its own, and the one of this package (`prepare`) would start this file again.
  // npm may run this file for `npm install --global .`, and hands its options on as variables.
  const here = ['--no-global', '--location=project', '--no-dry-run', '--ignore-scripts']
  const all = ['--include=dev', '--include=optional']
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  run('npm', ['install', '--prefix', folder, '--no-save', ...here, ...all, ...quiet])
  writeFileSync(stamp, lock)
}

/**
 * Tools that the tests try and nothing else needs, in a folder of their own: larger than all that is in the lock file
 * for it. Where they cannot be had their tests are skipped and say so.
 */
function installToolsOfNpm() {
  const tools = ['httpyac@6.16.7']
  const folder = join(root, 'node_modules', '.tools')
  const stamp = join(folder, '.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === tools.join()) return
  if (process.env.TEST_SYSTEM_PACKAGES === '0') return
  say(`installing tools for the tests: ${tools.join(', ')}`)
  mkdirSync(folder, { recursive: true })
  const words = ['install', '--no-save', '--ignore-scripts', '--loglevel=error', '--prefix', folder, ...tools]
  const { status } = spawnSync('npm', words, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status === 0) writeFileSync(stamp, tools.join())
  else say('some tools could not be installed; their tests are skipped')
}

/** Of the system's Python, whose modules are packages of the system. */
function hasPython(...modules) {
  return spawnSync('/usr/bin/python3', ['-c', `import ${modules.join(', ')}`]).status === 0
}

/** Builds only when a source is newer than the program. */
function build() {
  const built = join(root, 'dist', 'catchd.cjs')
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0
  const sources = [
    join(root, 'src'),
    join(root, 'scripts', 'build.mjs'),
    join(root, 'scripts', 'page-bundle.mjs'),
    join(root, 'package.json'),
  ]
  if (sources.every((source) => newest(source) <= builtAt)) return
  say('building')
  run(process.execPath, [join(root, 'scripts', 'build.mjs')])
}

function newest(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

/**
 * What the keychain, browser and real-server tests need. Without the right to install it those tests are
 * skipped and say so; with TEST_SYSTEM_PACKAGES=0 nothing is installed.
 */
function installSystemPackages() {
  const packages = {
    'gnome-keyring-daemon': 'gnome-keyring',
    'dbus-daemon': 'dbus',
    // With libsecret-1-0, the library that keytar needs.
    'secret-tool': 'libsecret-tools',
    chromium: 'chromium',
    glewlwyd: 'glewlwyd',
    sqlite3: 'sqlite3',
    openssl: 'openssl',
    curl: 'curl',
    zsh: 'zsh',
    fish: 'fish',
    'systemd-socket-activate': 'systemd',
    python3: 'python3',
    groff: 'groff-base',
    man: 'man-db',
    starman: 'starman',
    // LemonLDAP::NG, which puts nothing on the PATH; and what it loads when it starts, though it only recommends that.
    '/usr/share/lemonldap-ng/bin/llngDeleteSession': [
      'liblemonldap-ng-portal-perl',
      'liblemonldap-ng-manager-perl',
      'libconvert-base32-perl',
      'libgd-securityimage-perl',
      'libimage-magick-perl',
      'libstring-random-perl',
      'libio-string-perl',
      'libmime-tools-perl',
      'libemail-sender-perl',
    ],
    // The program alone: the package `tinyproxy` would start a proxy on this machine.
    tinyproxy: 'tinyproxy-bin',
    git: 'git',
    http: 'httpie',
    msmtp: 'msmtp',
    mutt: 'mutt',
    aws: 'awscli',
    kubectl: 'kubernetes-client',
    ssh: 'openssh-client',
  }
  // Where systemd runs, its package would have a server listen on every address at once.
  if (!existsSync('/run/systemd/system')) packages['/usr/sbin/sshd'] = 'openssh-server'
  const missing = Object.entries(packages)
    .filter(([command]) => !isInstalled(command))
    .flatMap(([, names]) => names)
  if (!hasPython('google.auth', 'requests')) missing.push('python3-google-auth', 'python3-requests')
  if (missing.length === 0) return
  const mayInstall = process.getuid?.() === 0 && isInstalled('apt-get')
  if (!mayInstall || process.env.TEST_SYSTEM_PACKAGES === '0') {
    say(`not installed, so their tests are skipped: ${missing.join(', ')}`)
    return
  }
  say(`installing system packages for the tests: ${missing.join(', ')}`)
  const apt = (...words) =>
    spawnSync('apt-get', words, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  apt('update', '-qq')
  const { status } = apt('install', '-qq', '-y', '--no-install-recommends', ...missing)
  if (status !== 0) say('some system packages could not be installed; their tests are skipped')
}

function isInstalled(command) {
  return spawnSync('/bin/sh', ['-c', 'command -v "$0"', command]).status === 0
}

function run(command, words) {
  try {
    const shell = process.platform === 'win32' && command === 'npm' // a script there
    execFileSync(command, words, { cwd: root, shell, stdio: ['ignore', process.stderr, process.stderr] })
  } catch (error) {
    process.exit(error.status ?? 1)
  }
}

function say(text) {
  console.error(`setup: ${text}`)
}
