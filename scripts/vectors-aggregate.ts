/**
 * Prints test/vectors/aggregate.json, or with `outer` or `robust` the file of that name. A changed digest means that peers of two versions
 * would disagree: once a version is out, only together with a new spec version.
 *
 *     node scripts/vectors-aggregate.ts > test/vectors/aggregate.json
 *     node scripts/vectors-aggregate.ts outer > test/vectors/outer.json
 *     node scripts/vectors-aggregate.ts robust > test/vectors/robust.json
 */
import { computeAggregateVectors } from '../test/support/aggregate-vectors.ts'
import { computeOuterVectors } from '../test/support/outer-vectors.ts'
import { computeRobustVectors } from '../test/support/robust-vectors.ts'

const VECTORS = { aggregate: computeAggregateVectors, outer: computeOuterVectors, robust: computeRobustVectors }
const name = (process.argv[2] ?? 'aggregate') as keyof typeof VECTORS
process.stdout.write(`${JSON.stringify(VECTORS[name](), null, 2)}\n`)
