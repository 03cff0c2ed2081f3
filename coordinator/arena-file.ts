/** An arena as its creator writes it down: the spec, the terms, and where the probe's slices lie. */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { Probe } from '../src/data/slices.ts'
import { ALPHAS, type ArenaParams } from '../src/types/arena.ts'
import { type ArenaSpec, arenaSpecDigest, parseArenaSpec } from '../src/wire/arena-spec.ts'
import { bps, count, readPlanFile, readProbe, score, wei } from './plan-file.ts'

const arenaFile = z.strictObject({
  spec: z.unknown(),
  terms: z.strictObject({
    pool: wei,
    minStake: wei,
    epochs: count,
    entrants: count,
    validators: count,
    /** unix seconds: no epoch begins from then on */
    endsAt: count,
    seconds: z.strictObject({ submit: count, slice: count, reveal: count, score: count, tally: count }),
    rules: z.strictObject({
      gammaBps: bps,
      ratioBps: bps,
      alpha: z.enum(ALPHAS),
      floor: score,
      tolerance: score,
      slashBps: bps,
      faultBps: bps,
      keeperBps: bps,
    }),
  }),
  /** folder of one .jsonl an epoch, beside this file */
  probe: z.string().min(1),
})

export interface ArenaPlan {
  readonly spec: ArenaSpec
  readonly params: ArenaParams
  readonly probe: Probe
}

/** @throws CoveyError E_CONFIG | E_SPEC | E_DISK | E_TOO_LARGE | E_DATA_FORMAT | E_DATA_EMPTY */
export async function readArenaFile(path: string): Promise<ArenaPlan> {
  const { spec: written, terms, probe: folder } = await readPlanFile(path, arenaFile)
  const spec = parseArenaSpec(written)
  const probe = await readProbe(resolve(dirname(path), folder), terms.epochs)
  const params = {
    ...terms,
    specDigest: arenaSpecDigest(spec),
    baseDigest: spec.model.digest,
    probeRoot: probe.root,
  }
  return { spec, params, probe }
}
