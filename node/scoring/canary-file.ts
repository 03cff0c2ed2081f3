/** A node owner's own canaries out of a file. */
import { CoveyError } from '../../src/base/errors.ts'
import { type DataRecord, readRecords } from '../../src/data/records.ts'
import { exampleMaker } from '../../src/data/template.ts'
import type { Canary } from '../../src/types/spec.ts'

/**
 * @param path records with `prompt` and `completion`, and a `control` where there is one; one that has not the first two fails the file:
 * a door that is left out silently is a door that nobody watches. @throws CoveyError E_DATA_FORMAT | E_DATA_EMPTY | E_TEMPLATE | E_DISK
 */
export async function readCanaries(path: string): Promise<readonly Canary[]> {
  const { records } = await readRecords(path)
  const toExample = exampleMaker({ prompt: null, completion: null, partitionBy: null }, null)
  return records.map((record) => {
    const { prompt, completion } = toExample(record)
    return { prompt, completion, ...controlOf(record) }
  })
}

function controlOf({ control }: DataRecord): Pick<Canary, 'control'> {
  if (control === undefined) return {}
  if (typeof control === 'string') return { control }
  throw new CoveyError('E_DATA_FORMAT', `canaries: expected a control of text, got ${JSON.stringify(control)}`)
}
