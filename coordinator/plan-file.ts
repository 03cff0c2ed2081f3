/** What the files in which a creator writes down a task or an arena share: how numbers are written, and where the probe's slices lie. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CoveyError, messageOf } from '../src/base/errors.ts'
import { readRecords } from '../src/data/records.ts'
import { encodeSlice, MAX_SLICE_BYTES, type Probe, probeFromBytes } from '../src/data/slices.ts'
import { parseAmount } from '../src/ledger/amount.ts'
import type { Example } from '../src/types/data.ts'

/** JSON may spell one letter as six, \u0041: a slice's file may be this many times longer than its published bytes. */
const MAX_SPELLING = 6

/** `"100 COVEY"`, or whole wei as decimal text, which is what programs write. */
export const wei = z.string().transform((text, issues): bigint => {
  if (/^\d{1,30}$/.test(text)) return BigInt(text)
  try {
    if (/[a-z]$/i.test(text)) return parseAmount(text)
  } catch {
    // said below
  }
  issues.addIssue({ code: 'custom', message: 'expected an amount such as "100 COVEY", or whole wei as decimal text' })
  return z.NEVER
})
export const count = z.int().min(1)
export const bps = z.int().min(0).max(10_000)
export const score = z.int().min(0).max(32_767)

/** @throws CoveyError E_CONFIG that names the field */
export async function readPlanFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new CoveyError('E_CONFIG', `${path}: expected a readable JSON file: ${messageOf(cause)}`, { path }, { cause })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new CoveyError('E_CONFIG', `${path}: ${issue?.path.join('.')}: ${issue?.message}`, { path })
}

/** One slice a round from a folder of .jsonl files, in the order of their names. @throws CoveyError E_CONFIG | E_DISK | E_DATA_FORMAT */
export async function readProbe(dir: string, rounds: number): Promise<Probe> {
  const names = (await readdir(dir).catch(() => [])).filter((n) => n.endsWith('.jsonl')).sort()
  if (names.length !== rounds) {
    throw new CoveyError('E_CONFIG', `${dir}: expected one .jsonl a round, that is ${rounds}, got ${names.length}`, {
      dir,
    })
  }
  const slices: Uint8Array[] = []
  for (const name of names) slices.push(await readSlice(join(dir, name)))
  return probeFromBytes(slices)
}

/**
 * A slice from JSON lines of {prompt, completion} in any spelling; its published bytes are the canonical one. Strict: once
 * the task is on chain its slices cannot be corrected any more.
 */
async function readSlice(path: string): Promise<Uint8Array> {
  const { records, lines } = await readRecords(path, { maxBadShare: 0, maxBytes: MAX_SPELLING * MAX_SLICE_BYTES })
  const examples = records.map(({ prompt, completion }, i): Example => {
    if (typeof prompt !== 'string' || typeof completion !== 'string' || completion === '') {
      const line = lines[i]
      throw new CoveyError('E_CONFIG', `${path}: line ${line}: expected {"prompt": text, "completion": text}`, {
        path,
        line,
      })
    }
    return { prompt, completion, partition: '' }
  })
  return encodeSlice(examples)
}
