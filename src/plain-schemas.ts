/**
 * Schemas that check value by value. zod would write a function for each object, as text, and compile it at its first
 * use: for what is read once that takes longer than the reading, and nobody needs code that is made at run time.
 *
 * To be imported before any schema is made: first in each program.
 */
import * as z from 'zod'

z.config({ jitless: true })
