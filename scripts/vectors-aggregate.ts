/**
 * Prints test/vectors/aggregate.json. A changed digest means that peers of two versions would disagree: only together
 * with a new spec version.
 *
 *     node scripts/vectors-aggregate.ts > test/vectors/aggregate.json
 */
import { computeAggregateVectors } from '../test/support/aggregate-vectors.ts'

process.stdout.write(`${JSON.stringify(computeAggregateVectors(), null, 2)}\n`)
