/** What the dashboard's page loads, each as one text. */
export function bundlePage(): Promise<{ readonly script: string; readonly style: string }>
