/** A node owner's own canaries out of a file. */
import { readRecords } from '../../src/data/records.ts'
import { exampleMaker } from '../../src/data/template.ts'
import type { Canary } from '../../src/types/spec.ts'

/**
 * @param path records with `prompt` and `completion`; one that has not both fails the file: a door that is left out silently is a
 * door that nobody watches. @throws CoveyError E_DATA_FORMAT | E_DATA_EMPTY | E_TEMPLATE | E_DISK
 */
export async function readCanaries(path: string): Promise<readonly Canary[]> {
  const { records } = await readRecords(path)
  return records.map(exampleMaker({ prompt: null, completion: null, partitionBy: null }, null)).map(toCanary)
}

const toCanary = ({ prompt, completion }: Canary): Canary => ({ prompt, completion })
