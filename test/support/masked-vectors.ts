/** Stored vectors of masked mode: a cohort of four of which one drops out, from fixed seeds; what must come out on every machine. */
import { bytesOf, bytesToHex, sha256 } from '../../src/base/bytes.ts'
import { openCohort } from '../../src/privacy/masked/open.ts'
import { cohortOf, runCohort } from './masked-cohort.ts'

const MEMBERS = 4
const DROPPED = 2

export interface MaskedVector {
  readonly cohort: string
  /** sha256 of each member's messages */
  readonly keys: readonly (string | null)[]
  readonly shares: readonly (string | null)[]
  readonly unmasks: readonly (string | null)[]
  /** sha256 of each survivor's words */
  readonly masked: readonly string[]
  readonly agreement: string
  readonly openings: readonly (string | null)[]
  readonly sum: readonly number[]
}

export function computeMaskedVector(): MaskedVector {
  const deltas = Array.from({ length: MEMBERS }, (_, i) => Float32Array.of((i + 1) / 8, -i / 16, 0.999, -0.001 * i))
  const run = runCohort(cohortOf(MEMBERS), deltas, { drops: new Map([[DROPPED, 'delta']]) })
  const { survivors, transcript } = run
  if (survivors === null) throw new Error('the cohort has no survivors')
  const digests = (list: readonly ({ readonly digest: string } | null)[]) => list.map((m) => m?.digest ?? null)
  return {
    cohort: run.cohort.digest,
    keys: digests(transcript.keys),
    shares: digests(transcript.shares),
    unmasks: digests(transcript.unmasks),
    masked: run.published.map((p) => sha256(bytesOf(p.words))),
    agreement: survivors.agreement,
    openings: openCohort(run.cohort, survivors, transcript).map((o) => (o === null ? null : bytesToHex(o))),
    sum: [...run.open()],
  }
}
