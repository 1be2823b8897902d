/**
 * The page's script and style sheet, for a program that runs from its sources: bundled when they are first asked for.
 * scripts/build.mjs puts the bundled texts in this file's place.
 */
export async function pageSource(): Promise<{ readonly script: string; readonly style: string }> {
  const { bundlePage } = await import('../../../scripts/page-bundle.mjs')
  return bundlePage()
}
