/** A task as its creator writes it down: the spec, the terms, and where the probe's slices lie. */
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { parseSpec } from '../src/wire/spec.ts'
import type { TaskPlan } from './create-task.ts'
import { bps, count, readPlanFile, readProbe, score, wei } from './plan-file.ts'

const taskFile = z.strictObject({
  spec: z.unknown(),
  terms: z.strictObject({
    pool: wei,
    rounds: count,
    proposers: count,
    voters: count,
    minStake: wei,
    seconds: z.strictObject({ train: count, reveal: count, probe: count, score: count, tally: count }),
    rules: z.strictObject({
      excludeBelow: score,
      excludeSpreadBps: z.int().min(0),
      slashBelow: score,
      slashSpreadBps: z.int().min(0),
      vetoBelow: score,
      tolerance: score,
      voterBps: bps,
      equalBps: bps,
      slashBps: bps,
      faultBps: bps,
    }),
  }),
  /** folder of one .jsonl a round, beside this file; null = no probe */
  probe: z.string().min(1).nullable(),
})

/** @throws CoveyError E_CONFIG | E_SPEC | E_DISK | E_TOO_LARGE | E_DATA_FORMAT | E_DATA_EMPTY */
export async function readTaskFile(path: string): Promise<TaskPlan> {
  const { spec, terms, probe } = await readPlanFile(path, taskFile)
  return {
    spec: parseSpec(spec),
    terms,
    probe: probe === null ? null : await readProbe(resolve(dirname(path), probe), terms.rounds),
  }
}
