/** What the dashboard's routes load when somebody looks: everything that makes pages. */
export { assets } from './assets.js'
export { dashboardPage, panels } from './dashboard-page.js'
export { enterPage } from './enter-page.js'
