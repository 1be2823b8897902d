/**
 * Sets zod up for this program. Each program imports this file before any schema.
 *
 * It checks values without generated code. By default zod generates and compiles a function for each object schema at its
 * first use, which takes longer than reading a value once. And it says rules in our words, where a schema has none of its
 * own: by default they name types of the language.
 */
import * as z from 'zod'
import { plainRule } from './text/plain-rule.js'

z.config({ jitless: true, customError: plainRule })
