/**
 * Prints test/vectors/aggregate.json, or with `outer` test/vectors/outer.json. A changed digest means that peers of two versions
 * would disagree: only together with a new spec version.
 *
 *     node scripts/vectors-aggregate.ts > test/vectors/aggregate.json
 *     node scripts/vectors-aggregate.ts outer > test/vectors/outer.json
 */
import { computeAggregateVectors } from '../test/support/aggregate-vectors.ts'
import { computeOuterVectors } from '../test/support/outer-vectors.ts'

const vectors = process.argv[2] === 'outer' ? computeOuterVectors() : computeAggregateVectors()
process.stdout.write(`${JSON.stringify(vectors, null, 2)}\n`)
