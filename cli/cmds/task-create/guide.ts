/** A task file out of answers: what a creator has to decide, the rest as quickstart has it. */
import { existsSync } from 'node:fs'
import { CoveyError } from '../../../src/base/errors.ts'
import { MAX_PROPOSERS, MAX_ROUNDS, MAX_VOTERS } from '../../../src/ledger/abi/params.ts'
import { formatAmount, parseAmount } from '../../../src/ledger/amount.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import { quickstartOptions as defaults } from '../quickstart/options.ts'
import { MIN_STAKE, POOL_PER_ROUND, quickstartSpec, quickstartTerms } from '../quickstart/spec.ts'

/** Asks until `parse` takes the answer, or the fallback when there is none. */
export type Ask = <T>(question: string, fallback: string, parse: (answer: string) => T) => Promise<T>

/** A training phase is this many times the shortest one. */
const TRAIN_PHASES = 3
const MAX_TRAIN_MINUTES = 7 * 24 * 60
const MAX_TEXT_CHARS = 2_000

/** @returns a task file's JSON, as coordinator/task-file.ts reads it. @throws what `ask` throws */
export async function guideTask(model: BaseModel, ask: Ask): Promise<Record<string, unknown>> {
  const name = await ask('What the task is called', 'task', word)
  const prompt = await ask('Template of a prompt, such as "Utterance: {text}\\nIntent:"; - for chats', '-', template)
  const completion = prompt === null ? null : await ask('Template of what is to be learnt', ' {intent}', template)
  const rounds = await ask('Rounds', String(defaults.rounds.fallback), count(MAX_ROUNDS))
  const pool = await ask('Reward pool, for all rounds', formatAmount(POOL_PER_ROUND * BigInt(rounds)), amount)
  const proposers = await ask('Proposers a round', String(defaults.proposers.fallback), count(MAX_PROPOSERS))
  const voters = await ask('Voters a round', String(defaults.voters.fallback), count(MAX_VOTERS))
  const minStake = await ask('Least own stake of a node', formatAmount(MIN_STAKE), amount)
  const minutes = await ask('Minutes that training may take in a round', '30', count(MAX_TRAIN_MINUTES))
  const steps = await ask('Training steps a round', String(defaults.steps.fallback), count(10_000))
  const probe = await ask(
    'Folder with one .jsonl of held-out examples a round, which only you know; - for none',
    '-',
    folder,
  )
  const choices = {
    rounds,
    proposers,
    voters,
    steps,
    batch: defaults.batch.fallback,
    rank: defaults.rank.fallback,
    alpha: defaults.alpha.fallback,
    learningRate: defaults.learningRate.fallback,
    schedule: defaults.schedule.fallback,
    proximal: defaults.proximal.fallback,
    rule: defaults.aggregate.fallback,
    residual: defaults.residual.fallback,
    ranks: defaults.ranks.fallback,
    robust: defaults.robust.fallback,
    outer: defaults.outer.fallback,
    outerRate: defaults.outerRate.fallback,
    outerMomentum: defaults.outerMomentum.fallback,
    outerBeta1: defaults.outerBeta1.fallback,
    outerBeta2: defaults.outerBeta2.fallback,
    outerTau: defaults.outerTau.fallback,
    encoding: ENCODING,
    sliceExamples: defaults.slice.fallback,
    phaseSeconds: Math.ceil((minutes * 60) / TRAIN_PHASES),
    seed: defaults.seed.fallback,
    data: '',
  } as const
  const spec = { ...quickstartSpec(choices, model, { prompt, completion }), name }
  const terms = { ...quickstartTerms(choices), pool: formatAmount(pool), minStake: formatAmount(minStake) }
  return { spec, terms, probe }
}

/** The smallest deltas that cost less than half a point (docs/measurements.md, "compression"): between machines bytes are what is dear. */
const ENCODING = 'klt-50'

const bad = (expected: string): CoveyError => new CoveyError('E_ARGUMENT', `expected ${expected}`)

function word(answer: string): string {
  if (/^[\w .-]{1,64}$/.test(answer)) return answer
  throw bad('1 to 64 letters, digits, spaces, dots or dashes')
}

/** A shell is not there to turn `\n` into a line end. */
function template(answer: string): string | null {
  if (answer.length > MAX_TEXT_CHARS) throw bad(`at most ${MAX_TEXT_CHARS} characters`)
  return answer === '-' ? null : answer.replaceAll('\\n', '\n').replaceAll('\\t', '\t')
}

const count =
  (most: number) =>
  (answer: string): number => {
    const n = Number(answer)
    if (/^\d+$/.test(answer) && n >= 1 && n <= most) return n
    throw bad(`a whole number from 1 to ${most}`)
  }

function amount(answer: string): bigint {
  const wei = parseAmount(answer)
  if (wei > 0n) return wei
  throw bad('more than zero')
}

function folder(answer: string): string | null {
  if (answer === '-') return null
  if (existsSync(answer)) return answer
  throw bad('a folder that is there, or -')
}
