/** Everything that makes pages. The dashboard's routes load this file when the dashboard is first opened. */
export { sendPage } from '../redirect/pages/page.js'
export { assets } from './assets.js'
export { dashboardPage, panels } from './dashboard-page.js'
export { enterPage } from './enter-page.js'
