/** The version of this program, put in by the build; `0.0.0-source` when it runs from its sources. */
export const VERSION: string = process.env['CATCHD_BUILD_VERSION'] ?? '0.0.0-source'

/** The page of this program for people; `homepage` of package.json. */
export const HOMEPAGE = 'https://www.npmjs.com/package/catchd'
