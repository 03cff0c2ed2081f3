/**
 * Teachers on this machine: models with the student's vocabulary, whose probabilities are averaged and become the soft
 * labels of a batch. The batch goes to them in pieces, since a place's probabilities are as many as the vocabulary has
 * tokens: 200 KB at 50,000, where the 64 likeliest and the mass of the rest take half a KB.
 */
import { CoveyError } from '../../src/base/errors.ts'
import { answersOf } from '../../src/engine/loop/batch.ts'
import { rowsOf } from '../../src/engine/loop/micro-batches.ts'
import { softLabels } from '../../src/engine/loop/soft-labels.ts'
import { IGNORE_LABEL, type PackedBatch, type SoftLabels, type Tokenizer } from '../../src/types/data.ts'
import type { Distillation, Inference } from '../../src/types/engine.ts'
import type { ModelConfig } from '../../src/types/model.ts'
import type { Teaching } from '../train-alone.ts'

/** Probabilities of one piece of a batch, float32: 64 MB. */
const MAX_PROBABILITIES = 16 * 1024 * 1024

export interface Teacher {
  readonly name: string
  readonly config: ModelConfig
  readonly inference: Inference
  /** its share of the average, beside the others' */
  readonly weight: number
}

export interface TeachingOptions {
  readonly teachers: readonly Teacher[]
  readonly student: ModelConfig
  readonly distillation: Distillation
  /** likeliest tokens that are told one by one */
  readonly tokens: number
}

export function createTeaching(options: TeachingOptions): Teaching {
  const { teachers, student, distillation, tokens } = options
  const answers = answersOf(student)
  const most = Math.max(answers, ...teachers.map((t) => answersOf(t.config)))
  const mostLabels = Math.max(1, Math.floor(MAX_PROBABILITIES / most))
  return {
    distillation,
    async teach(batch, signal) {
      const soft: SoftLabels[] = []
      for (const piece of piecesOf(batch, mostLabels)) {
        const { mean, beyond } = await average(teachers, piece, answers, distillation.temperature, signal)
        soft.push(softLabels(mean, answers, tokens, beyond))
      }
      return { ...batch, soft: joined(soft) }
    },
  }
}

interface Average {
  /** (labels, answers) */
  readonly mean: Float32Array
  /** (labels) what teachers give to rows of padding that the student has not */
  readonly beyond: Float64Array
}

async function average(
  teachers: readonly Teacher[],
  batch: PackedBatch,
  answers: number,
  temperature: number,
  signal: AbortSignal | undefined,
): Promise<Average> {
  const total = teachers.reduce((sum, t) => sum + t.weight, 0)
  const beyond = new Float64Array(batch.labelCount)
  const mean = new Float32Array(batch.labelCount * answers)
  for (const { inference, config, weight } of teachers) {
    const own = await inference.probabilities(batch, temperature, signal)
    const width = answersOf(config)
    if (teachers.length === 1 && width === answers) return { mean: own, beyond }
    const share = weight / total
    for (let place = 0; place < batch.labelCount; place++) {
      for (let id = 0; id < width; id++) {
        const p = share * (own[place * width + id] as number)
        const at = place * answers + id
        if (id < answers) mean[at] = (mean[at] as number) + p
        else beyond[place] = (beyond[place] as number) + p
      }
    }
  }
  return { mean, beyond }
}

/** The batch in pieces of at most `most` labels, in their order: rows together, or parts of the labels of one row. */
export function piecesOf(batch: PackedBatch, most: number): PackedBatch[] {
  const { rows, length, labels } = batch
  const counts = Array.from({ length: rows }, (_, row) =>
    labels.subarray(row * length, (row + 1) * length).reduce((n, label) => n + Number(label !== IGNORE_LABEL), 0),
  )
  const pieces: PackedBatch[] = []
  for (let row = 0; row < rows; ) {
    let end = row + 1
    let count = counts[row] as number
    while (end < rows && count + (counts[end] as number) <= most) count += counts[end++] as number
    if (count > 0) pieces.push(...byLabels(rowsOf(batch, row, end), most))
    row = end
  }
  return pieces
}

function byLabels(batch: PackedBatch, most: number): PackedBatch[] {
  const count = batch.labelCount
  if (count <= most) return [batch]
  return Array.from({ length: Math.ceil(count / most) }, (_, i) => {
    let seen = 0
    const labels = batch.labels.map((label) =>
      label !== IGNORE_LABEL && Math.floor(seen++ / most) === i ? label : IGNORE_LABEL,
    )
    return { ...batch, labels, labelCount: Math.min(most, count - i * most) }
  })
}

function joined(parts: readonly SoftLabels[]): SoftLabels {
  const [first] = parts
  if (first === undefined)
    throw new CoveyError('E_ARGUMENT', 'a training step needs at least one label, the batch has none')
  if (parts.length === 1) return first
  return {
    width: first.width,
    ids: Int32Array.from(parts.flatMap((p) => [...p.ids])),
    probabilities: Float32Array.from(parts.flatMap((p) => [...p.probabilities])),
    rest: Float32Array.from(parts.flatMap((p) => [...p.rest])),
  }
}

/** Tokens in a message about vocabularies that differ. */
const MAX_LISTED = 3

interface Reader {
  readonly tokenizer: Tokenizer
  readonly config: ModelConfig
}

/**
 * A teacher's probabilities are read as the student's, number by number: every token has to have the same number. Rows of
 * padding behind the vocabulary may differ. @throws CoveyError E_TOKENIZER
 */
export function checkSameVocabulary(student: Reader, teacher: Reader, name: string): void {
  const [own, other] = [student.tokenizer.tokens?.(), teacher.tokenizer.tokens?.()]
  if (own === undefined || other === undefined)
    throw new CoveyError('E_TOKENIZER', `${name}: its tokenizer does not list its tokens`, { name })
  const differ = [...own].filter(([token, id]) => other.get(token) !== id)
  const missing = [...other].filter(([token]) => !own.has(token))
  if (differ.length > 0 || missing.length > 0) {
    const listed = [...differ, ...missing].slice(0, MAX_LISTED).map(([token]) => JSON.stringify(token))
    throw new CoveyError(
      'E_TOKENIZER',
      `${name}: expected the student's vocabulary of ${own.size} tokens, got ${other.size} tokens of which ${differ.length + missing.length} differ (${listed.join(', ')} …): a teacher of another vocabulary can only write texts (covey serve, then --teacher-url)`,
      { name, differ: differ.length + missing.length },
    )
  }
  const [mine, theirs] = [student, teacher].map((r) => JSON.stringify(r.config.plain?.classes ?? null))
  if (mine !== theirs)
    throw new CoveyError('E_TOKENIZER', `${name}: expected the student's classes ${mine}, got ${theirs}`, { name })
}
