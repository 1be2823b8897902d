import { configDefaults, defineConfig } from 'vitest/config'

const report = process.env['REPORT']

/**
 * What touches Node's own modules where its versions differ: sockets, TLS, HTTP, files, processes, compiled code. The
 * other tests run on one version.
 */
const PLATFORM = [
  'test/{authorization-server,browser,client,daemon,dbus,fast-path,files,listener,process,proxy,vault}/**/*.test.ts',
  'test/http/{access,redirect}/**/*.test.ts',
  'test/http/*.test.ts',
  'test/http/api/{events,hostile-requests}.test.ts',
  'test/config/{client-secret,file-watch,redirect-certificate,subject-token}.test.ts',
  'test/cli/{compiled-program,daemon,exec,keep,token}.test.ts',
  'test/flows/{access,browser,crash-rotation,foreign-callback,hardened-processes,https-redirect}.test.ts',
  'test/flows/{library,lock-memory,networks,other-end,proxy,secrets,service,start,vault-trouble}.test.ts',
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
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...PLATFORM],
        },
      },
      {
        extends: true,
        test: {
          name: 'platform',
          isolate: false,
          include: PLATFORM,
        },
      },
    ],
  },
})
