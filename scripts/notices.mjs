/**
 * Writes THIRD-PARTY-NOTICES: the licence of every package whose code is in the bundle. Their licences ask for it (MIT, ISC
 * and BSD: the notice in all copies). Used by build.mjs.
 *
 * license-checker-rseidelsohn finds the texts, which takes seconds. So nothing happens while the packages are the same.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const FILE = join(root, 'THIRD-PARTY-NOTICES')
const RULE = '-'.repeat(78)

/**
 * @param packages - `name@version` of each package in the bundle.
 * @throws When one of them has no licence.
 */
export async function writeNotices(packages) {
  if (isUpToDate(packages)) return
  const { init } = await import('license-checker-rseidelsohn')
  const found = await promisify(init)({
    start: root,
    includePackages: packages.join(';'),
    customFormat: { licenseText: '', publisher: '', repository: '', licenseFile: '', noticeFile: '' },
  })
  const missing = packages.filter((name) => !hasLicence(found[name]))
  if (missing.length > 0) throw new Error(`No licence was found for: ${missing.join(', ')}`)
  const sections = packages.map((name) => section(name, found[name]))
  writeFileSync(FILE, [heading(packages), ...sections].join(`\n${RULE}\n\n`))
}

function isUpToDate(packages) {
  if (!existsSync(FILE)) return false
  if (statSync(FILE).mtimeMs < statSync(fileURLToPath(import.meta.url)).mtimeMs) return false
  return readFileSync(FILE, 'utf8').startsWith(heading(packages))
}

function heading(packages) {
  return [
    'The program catchd contains code of the packages below, under these licences.',
    'The licence of catchd itself is in the file LICENSE.',
    '',
    ...packages.map((name) => `  ${name}`),
    '',
  ].join('\n')
}

function hasLicence(found) {
  return found !== undefined && ![found.licenses].flat().some((licence) => /UNKNOWN|UNLICENSED/.test(licence))
}

function section(name, { licenses, licenseText, licenseFile, noticeFile, publisher, repository }) {
  // Without a licence file license-checker takes the README, which is not a licence.
  const isLicence = licenseText !== '' && !/readme/i.test(licenseFile.slice(licenseFile.lastIndexOf('/')))
  const licence = [licenses].flat().join(', ')
  const lines = [
    `${name} (${licence})`,
    ...(repository === '' ? [] : [repository]),
    '',
    ...(isLicence
      ? [licenseText.trim()]
      : [
          `This package contains no licence text. It states: ${licence}${publisher === '' ? '' : `, by ${publisher}`}.`,
        ]),
    ...(noticeFile === '' ? [] : ['', readFileSync(noticeFile, 'utf8').trim()]),
  ]
  return `${lines.join('\n').replaceAll('\r\n', '\n')}\n`
}
