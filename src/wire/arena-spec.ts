/** What an arena is about, as JSON and as bytes: canonical JSON (RFC 8785), whose sha256 is the `specDigest` on chain. */
import { z } from 'zod'
import { equalBytes, utf8 } from '../base/bytes.ts'
import { canonicalJson, digestOfJson } from '../base/canonical.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import { MAX_SPEC_BYTES } from './limits.ts'

/** Longest template of one record, characters. */
const MAX_TEMPLATE = 8_000

const template = z.string().min(1).max(MAX_TEMPLATE).nullable()

const spec = z.strictObject({
  version: z.literal(1),
  kind: z.literal('arena'),
  name: z.string().min(1).max(120),
  /** the base that adapters are for */
  model: z.strictObject({
    name: z.string().min(1).max(120),
    digest: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits'),
  }),
  /** longest example that is scored, tokens; longer ones are left out */
  maxTokens: z.int().min(8).max(131_072),
  /** how records become text, for whoever trains */
  data: z.strictObject({ prompt: template, completion: template }),
})
export type ArenaSpec = z.infer<typeof spec>

/** An arena's spec out of untrusted JSON; unknown fields are refused. @throws CoveyError E_SPEC */
export function parseArenaSpec(json: unknown): ArenaSpec {
  const result = spec.safeParse(json)
  if (result.success) return result.data
  const found = result.error.issues.slice(0, 5).map((i) => `${i.path.join('.') || 'spec'}: ${i.message}`)
  throw new CoveyError('E_SPEC', `arena spec: ${found.join('; ')}`, { issues: found })
}

/** sha256 of the canonical JSON: what the chain holds. */
export function arenaSpecDigest(value: ArenaSpec): string {
  return digestOfJson(value)
}

/** The published bytes; their sha256 is `arenaSpecDigest`. */
export function encodeArenaSpec(value: ArenaSpec): Uint8Array {
  return utf8.encode(canonicalJson(value))
}

/** @throws CoveyError E_SPEC when they are too many, not canonical JSON or not a valid spec */
export function decodeArenaSpec(bytes: Uint8Array): ArenaSpec {
  if (bytes.byteLength > MAX_SPEC_BYTES)
    throw new CoveyError('E_SPEC', `arena spec: expected at most ${MAX_SPEC_BYTES} bytes, got ${bytes.byteLength}`)
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CoveyError('E_SPEC', `arena spec: expected canonical JSON, got ${messageOf(cause)}`, {}, { cause })
  }
  const value = parseArenaSpec(json)
  if (!equalBytes(encodeArenaSpec(value), bytes))
    throw new CoveyError('E_SPEC', 'arena spec: expected canonical JSON (RFC 8785), got another spelling')
  return value
}
