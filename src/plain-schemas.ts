/**
 * Makes zod check values without generated code. By default zod generates and compiles a function for each object schema
 * at its first use, which takes longer than reading a value once. Each program imports this file before any schema.
 */
import * as z from 'zod'

z.config({ jitless: true })
