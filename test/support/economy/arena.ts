/** One arena with three trainers, two validators and a delegator, step by step. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Accounts, type Running, type Stage, TRAINERS, together, VALIDATORS } from './stage.ts'

/** The data that adapters are trained on and scored by. */
export interface ArenaData {
  readonly records: readonly Readonly<Record<string, string>>[]
  readonly prompt: string
  readonly completion: string
  readonly maxTokens: number
}

export interface ArenaFiles {
  /** the arena as its creator writes it down */
  readonly file: string
  /** where `covey arena create` puts the spec */
  readonly spec: string
}

/** Examples of a slice; each epoch has its own. */
const SLICE = 4
export const ARENA_POOL = 300

/** The arena's file and its probe. @param endsAt unix seconds */
export async function writeArena(
  dir: string,
  model: { readonly name: string; readonly digest: string },
  { records, prompt, completion, maxTokens }: ArenaData,
  epochs: number,
  endsAt: number,
): Promise<ArenaFiles> {
  await mkdir(join(dir, 'slices'), { recursive: true })
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const slice = records.slice((epoch - 1) * SLICE, epoch * SLICE).map((record) => {
      const fill = (template: string): string => template.replace(/\{(\w+)\}/g, (_, field) => record[field] ?? '')
      return JSON.stringify({ prompt: fill(prompt), completion: fill(completion) })
    })
    await writeFile(join(dir, 'slices', `${epoch}.jsonl`), slice.join('\n'))
  }
  const terms = {
    pool: `${ARENA_POOL} COVEY`,
    minStake: '50 COVEY',
    epochs,
    entrants: TRAINERS.length,
    validators: VALIDATORS.length,
    endsAt,
    seconds: { submit: 3600, slice: 600, reveal: 600, score: 3600, tally: 600 },
    rules: {
      gammaBps: 2000,
      ratioBps: 5000,
      alpha: 'root',
      floor: 0,
      tolerance: 20,
      slashBps: 1000,
      faultBps: 100,
      keeperBps: 50,
    },
  }
  const spec = { version: 1, kind: 'arena', name: 'labels', model, maxTokens, data: { prompt, completion } }
  const files = { file: join(dir, 'arena.json'), spec: join(dir, 'arena-spec.json') }
  await writeFile(files.file, JSON.stringify({ spec, terms, probe: './slices' }, null, 2))
  return files
}

/** Each trainer's own way, of different worth: steps of training, and the method. */
const TRAINING = {
  ann: ['--steps', '24', '--rank', '4'],
  ben: ['--steps', '1', '--rank', '2'],
  cem: ['--steps', '8', '--method', 'ia3'],
} as const

/** Each trainer's adapter, in the folder `adapter` of its data directory. */
export async function trainAdapters(stage: Stage, file: string, data: ArenaData): Promise<void> {
  const of = ['--prompt', data.prompt, '--completion', data.completion, '--max-tokens', String(data.maxTokens)]
  await together(TRAINERS, (name) => {
    const out = ['--out', join(stage.dir, name, 'adapter')]
    return stage.covey(name, ['train', file, ...of, '--batch', '4', '--warmup', '0', ...TRAINING[name], ...out])
  })
}

/** Stakes, and a delegator behind the first trainer, which keeps a tenth of its part. */
export async function stakeAll(stage: Stage, accounts: Accounts): Promise<void> {
  await together([...TRAINERS, ...VALIDATORS], (name) => stage.covey(name, 'stake deposit 100'))
  await stage.covey('ann', 'delegate commission 10')
  await stage.covey('dora', `delegate to ${accounts.ann} 100`)
}

export async function enterAll(stage: Stage, arena: number): Promise<void> {
  await together(TRAINERS, (name) => stage.covey(name, `arena enter ${arena} --as entrant`))
  await together(VALIDATORS, (name) => stage.covey(name, `arena enter ${arena} --as validator`))
}

/** Where a trainer's blob is handed over as a file. */
export const blobOf = (stage: Stage, name: string): string => join(stage.dir, `${name}.blob`)

/** Every trainer commits to its adapter. */
export async function commitAll(stage: Stage, arena: number): Promise<void> {
  await together(TRAINERS, (name) => {
    const adapter = join(stage.dir, name, 'adapter')
    return stage.covey(name, ['arena', 'submit', String(arena), adapter, '--out', blobOf(stage, name)])
  })
}

export async function revealAll(stage: Stage, arena: number): Promise<void> {
  await together(TRAINERS, (name) => stage.covey(name, `arena submit ${arena}`))
}

/** The creator and the trainers serve what they have; ended before any of them types another command: a folder has one user. */
export async function serveAll(stage: Stage): Promise<readonly Running[]> {
  const serve = 'arena serve --listen /ip4/127.0.0.1/tcp/0'
  return Promise.all((['creator', ...TRAINERS] as const).map((name) => stage.begin(name, serve, /serving at (\S+)/)))
}

/** Everybody collects what tasks and arenas owe them, the delegator what it has of the first trainer. */
export async function collectAll(stage: Stage): Promise<void> {
  await together(['creator', ...TRAINERS, ...VALIDATORS] as const, async (name) => {
    await stage.covey(name, 'rewards claim')
    await stage.covey(name, 'arena claim')
  })
  await stage.covey('dora', 'delegate claim')
}
