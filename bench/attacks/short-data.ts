/**
 * Data that a bench of hundreds of small trainings can afford: of each partition only the examples with the first few answers, in
 * alphabetical order. What is left is as hard to share out (a node sees few answers of all), and is learnt in a minute.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoveyError } from '../../src/base/errors.ts'
import { type DataRecord, readRecords } from '../../src/data/records.ts'

export interface Short {
  /** fields of a record */
  readonly partition: string
  readonly answer: string
  readonly answers: number
}

/** @returns for each partition the answers that stay; a partition with fewer is left out */
export function firstAnswers(
  records: readonly DataRecord[],
  { partition, answer, answers }: Short,
): Map<string, Set<string>> {
  const all = new Map<string, Set<string>>()
  for (const record of records) {
    const [of, what] = [record[partition], record[answer]]
    if (typeof of !== 'string' || typeof what !== 'string')
      throw new CoveyError('E_ARGUMENT', `--answers: expected records with ${partition} and ${answer} as text`)
    const known = all.get(of) ?? new Set()
    all.set(of, known.add(what))
  }
  const enough = [...all].filter(([, what]) => what.size >= answers)
  return new Map(enough.map(([of, what]) => [of, new Set([...what].sort().slice(0, answers))]))
}

/** Copies both files, shortened, into a temporary folder. @returns their paths. @throws CoveyError E_ARGUMENT | E_DATA_FORMAT | E_DISK */
export async function shortened(
  files: { readonly data: string; readonly test: string },
  short: Short,
): Promise<{ readonly data: string; readonly test: string }> {
  const data = (await readRecords(files.data)).records
  const stays = firstAnswers(data, short)
  const folder = mkdtempSync(join(tmpdir(), 'covey-bench-'))
  const write = (name: string, records: readonly DataRecord[]): string => {
    const path = join(folder, name)
    const kept = records.filter((r) => stays.get(String(r[short.partition]))?.has(String(r[short.answer])))
    writeFileSync(path, kept.map((record) => `${JSON.stringify(record)}\n`).join(''))
    return path
  }
  return { data: write('train.jsonl', data), test: write('test.jsonl', (await readRecords(files.test)).records) }
}
