/** Addresses of RPCs: several of one chain may be given, the first is asked first. */
import { CoveyError } from '../../base/errors.ts'

/** Each is asked for its chain and its head now and then; more than a few would only be noise to their operators. */
export const MAX_RPC_URLS = 8
/** Of what was typed, as much as a message repeats. */
const MAX_SHOWN = 80

/** `http://a, http://b` as its parts. @throws CoveyError E_CONFIG */
export function parseRpcUrls(text: string): readonly string[] {
  const urls = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  for (const url of urls)
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw new CoveyError(
        'E_CONFIG',
        `rpc: expected an http(s) address, or several with commas between them, got ${JSON.stringify(shownUrl(url))}`,
      )
  if (urls.length === 0 || urls.length > MAX_RPC_URLS)
    throw new CoveyError('E_CONFIG', `rpc: expected 1 to ${MAX_RPC_URLS} addresses, got ${urls.length}`)
  return [...new Set(urls)]
}

/** What may be shown of an address: providers put their keys into user, path and query. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) return url.slice(0, MAX_SHOWN)
  const rest = parsed.pathname.length > 1 || parsed.search !== '' ? '/…' : ''
  return `${parsed.protocol}//${parsed.host}${rest}`.slice(0, MAX_SHOWN)
}
