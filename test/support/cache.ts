/**
 * Loaded before any test (.mocharc.json). What may be made again, for all tests together: nothing is left in the home of who runs
 * them. Compiled code is kept there too, as `covey` keeps it, for this process, the engines' threads and the commands under test.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

export const TEST_CACHE = join(import.meta.dirname, '../../node_modules/.cache/covey')

process.env.NODE_COMPILE_CACHE ??= join(TEST_CACHE, 'code')
enableCompileCache()
