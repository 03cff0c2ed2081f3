/** A small task of an alliance: two proposers and a voter, a coordinator, two rounds. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { linearNames } from '../../src/adapter/layout.ts'
import type { GeneratedRecord } from '../../src/data/generate.ts'
import type { BaseModel } from '../../src/types/model.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import type { ArenaData } from '../../test/support/economy/arena.ts'
import type { Processes } from './processes.ts'

/** Trainers of the arena, one of its validators: the same people work in both. */
export const ALLIANCE_NODES = ['ann', 'ben', 'vera'] as const
export const ALLIANCE_POOL = 200
const ROUNDS = 2
/** Examples of a round's probe slice. */
const SLICE = 4

/** @returns the task's file */
export async function writeAlliance(
  dir: string,
  model: BaseModel,
  data: Omit<ArenaData, 'records'>,
  records: readonly GeneratedRecord[],
): Promise<string> {
  const spec = {
    version: 1,
    name: 'calls',
    model: { name: model.name, digest: model.digest },
    adapter: { rank: 8, alpha: 16, rsLora: false, dropout: 0, targets: linearNames(model.config), seed: 1 },
    training: {
      steps: 6,
      batchExamples: 4,
      maxTokens: data.maxTokens,
      learningRate: 0.01,
      warmupSteps: 1,
      schedule: 'constant',
      weightDecay: 0,
      clipNorm: 1,
    },
    aggregation: { rule: 'frozen-a', outerRate: 1, outerMomentum: 0 },
    encoding: 'int8',
    privacy: { mode: 'open' },
    scoring: { sliceExamples: SLICE, privateExamples: 4 },
    data: { prompt: data.prompt, completion: data.completion },
  } satisfies TaskSpec
  const terms = {
    pool: `${ALLIANCE_POOL} COVEY`,
    rounds: ROUNDS,
    proposers: 2,
    voters: 1,
    minStake: '50 COVEY',
    seconds: { train: 600, reveal: 300, probe: 300, score: 600, tally: 300 },
    rules: {
      excludeBelow: 500,
      excludeSpreadBps: 2500,
      slashBelow: 2500,
      slashSpreadBps: 5000,
      vetoBelow: 10_000,
      tolerance: 200,
      voterBps: 2500,
      equalBps: 2000,
      slashBps: 3000,
      faultBps: 100,
    },
  }
  await mkdir(join(dir, 'probe'), { recursive: true })
  for (let round = 1; round <= ROUNDS; round++) {
    const slice = records.slice((round - 1) * SLICE, round * SLICE).map(({ text, call }) =>
      JSON.stringify({
        prompt: data.prompt.replace('{text}', text),
        completion: data.completion.replace('{call}', call),
      }),
    )
    await writeFile(join(dir, 'probe', `${round}.jsonl`), slice.join('\n'))
  }
  const file = join(dir, 'task.json')
  await writeFile(file, JSON.stringify({ spec, terms, probe: './probe' }, null, 2))
  return file
}

/** From the task's creation to its end; who worked in it has claimed then. @param dataOf each node's own examples */
export async function playAlliance(
  stage: Processes,
  file: string,
  dataOf: (node: (typeof ALLIANCE_NODES)[number]) => string,
): Promise<void> {
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
  await stage.covey('creator', ['task', 'create', '--task-file', file])
  const coordinator = ['coordinator', 'start', '--task-file', file, ...listen]
  const { found: meet, stop } = await stage.begin('creator', coordinator, /peers meet at (\S+)/)
  const nodes = ALLIANCE_NODES.map((name) =>
    stage.covey(name, ['node', 'start', '--task', '1', '--data', dataOf(name), '--bootstrap', meet, ...listen]),
  )
  await Promise.all(nodes)
  await stop()
}
