import { configDefaults, defineConfig } from 'vitest/config'

const report = process.env['REPORT']

/** Code, texts and files alone, random input, and the programs of others: it is the same on every version of Node. */
const ONCE = [
  'test/architecture.test.ts',
  'test/flows/{documented-commands.test.ts,real-tools/*.test.ts}',
  'test/fuzz/fuzz.test.ts',
  // The others start processes, make certificates or watch files.
  'test/config/!(client-secret|file-watch|redirect-certificate|subject-token).test.ts',
  'test/{diagnosis,import,journal,lock,login,presets,text,tokens}/*.test.ts',
]

export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    // Two cores are the smallest machine this runs on; more workers, because the tests of processes mostly wait. With many
    // more, the processes get their turn too late for deadlines of the product.
    maxWorkers: 4,
    reporters: report === undefined ? ['default'] : ['default', 'json'],
    ...(report === undefined ? {} : { outputFile: { json: report } }),
    // Only what hangs runs into these. A machine that does other work may be ten times slower.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'once',
          include: ONCE,
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'platform',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ONCE],
        },
      },
    ],
  },
})
