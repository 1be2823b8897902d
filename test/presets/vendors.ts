/** Every vendor there is an emulator of; each preset has one, and no other has. */
import type { Vendor } from './vendor.js'
import { BUSINESS } from './vendors/business.js'
import { DEVELOPMENT } from './vendors/development.js'
import { IDENTITY } from './vendors/identity.js'
import { PEOPLE } from './vendors/people.js'
import { WORK } from './vendors/work.js'

export const VENDORS: readonly Vendor[] = [...IDENTITY, ...DEVELOPMENT, ...WORK, ...BUSINESS, ...PEOPLE]
