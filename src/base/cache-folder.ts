import { homedir } from 'node:os'
import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** What can be made again: `COVEY_CACHE`, or a folder of Covey's own in the user's cache. */
export function cacheFolder(env: Environment = process.env): string {
  const own = env.COVEY_CACHE
  if (own !== undefined && own !== '') return own
  const cache = env.XDG_CACHE_HOME
  return join(cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'), 'covey')
}
