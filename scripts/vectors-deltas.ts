/**
 * Prints test/vectors/deltas.json. Files that were published must stand for the same values for ever: an encoding that
 * changes gets a new name in the spec, and its vectors are added.
 *
 *     node scripts/vectors-deltas.ts > test/vectors/deltas.json
 */
import { computeDeltaVectors } from '../test/support/delta-vectors.ts'

process.stdout.write(`${JSON.stringify(computeDeltaVectors(), null, 2)}\n`)
