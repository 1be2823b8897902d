/**
 * The page's script and style sheet, for a program that runs from its sources. They are bundled when first requested.
 * In a build, scripts/build.mjs replaces this file with the bundled texts.
 */
export async function pageSource(): Promise<{ readonly script: string; readonly style: string }> {
  const { bundlePage } = await import('../../../scripts/page-bundle.mjs')
  return bundlePage()
}
