/**
 * A task's spec as JSON and as bytes. The bytes are the canonical JSON (RFC 8785), so their sha256, the address under which
 * the spec is pulled, is the `specDigest` that is on chain.
 */
import { z } from 'zod'
import { equalBytes, utf8 } from '../base/bytes.ts'
import { canonicalJson, digestOfJson } from '../base/canonical.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { DeltaEncoding } from '../types/adapter.ts'
import type { RobustStepName, TaskSpec } from '../types/spec.ts'
import { MAX_SPEC_BYTES } from './limits.ts'

/** Longest template of one record, characters. */
const MAX_TEMPLATE = 8_000
/** A thought that counts more than this drowns the answer that it is for. */
const MAX_THINKING_WEIGHT = 100
/** A seed is one 32-bit word. */
const MAX_SEED = 4_294_967_295

/** Linear layers that a spec may name: a family has about ten. Which a model has is checked where the layout is made. */
const MAX_TARGETS = 64
const TARGET = /^[A-Za-z0-9_]{1,64}$/

/** Robust steps that give the result: nothing may follow them. */
const RESULTS: ReadonlySet<RobustStepName> = new Set(['geometric-median', 'centred-clip', 'median', 'trimmed-mean'])
/** Those that may stand before the last are five. */
const MAX_ROBUST_STEPS = 6

const lora = z
  .strictObject({
    rank: z.int().min(1).max(256),
    alpha: z.number().positive().max(4_096),
    rsLora: z.boolean(),
    dropout: z.number().min(0).max(0.9),
    targets: z.array(z.string().regex(TARGET, 'expected the last name of a module, `q_proj`')).min(1).max(MAX_TARGETS),
    seed: z.int().min(0).max(MAX_SEED),
  })
  .refine((v) => new Set(v.targets).size === v.targets.length, {
    path: ['targets'],
    message: 'expected each layer once',
  })

const training = z
  .strictObject({
    steps: z.int().min(1).max(100_000),
    batchExamples: z.int().min(1).max(4_096),
    maxTokens: z.int().min(8).max(131_072),
    learningRate: z.number().positive().max(1),
    warmupSteps: z.int().min(0).max(100_000),
    schedule: z.enum(['constant', 'cosine']),
    weightDecay: z.number().min(0).max(1),
    clipNorm: z.number().min(0).max(1_000),
    proximal: z.number().positive().max(1_000).exactOptional(),
    thinkingWeight: z.number().min(0).max(MAX_THINKING_WEIGHT).exactOptional(),
  })
  .refine((v) => v.warmupSteps <= v.steps, { path: ['warmupSteps'], message: 'expected at most `steps`' })

/** As src/adapter/encodings/registry.ts has them; a test holds the two together. */
const ENCODING =
  /^(f32|bf16|int8|int8-zstd|int4|sign|topk-([2-9]|[1-9]\d{1,2}|1000)|rank-([1-9]|[1-5]\d|6[0-4])|klt-([2-9]|[1-9]\d{1,2}|1000))$/
const isEncoding = (value: unknown): value is DeltaEncoding => typeof value === 'string' && ENCODING.test(value)

/** One factor moves a round, so that a coordinate means the same in every delta. */
const isLinearRule = (rule: TaskSpec['aggregation']['rule']): boolean => rule === 'frozen-a' || rule === 'alternating'

/** Every round is a step in one space. */
const hasOuterStep = (rule: TaskSpec['aggregation']['rule']): boolean => rule === 'frozen-a' || rule === 'factor-mean'

/** tau² is a float32. */
const MIN_TAU = 1e-12

/** Each once; what gives the result, last. */
const robust = z
  .array(
    z.enum([
      'clip',
      'drop-copies',
      'cosine-gate',
      'bucketing',
      'multi-krum',
      'geometric-median',
      'centred-clip',
      'median',
      'trimmed-mean',
    ]),
  )
  .min(1)
  .max(MAX_ROBUST_STEPS)
  .refine((v) => new Set(v).size === v.length, { message: 'expected each step once' })
  .refine((v) => !v.slice(0, -1).some((step) => RESULTS.has(step)), {
    message: `expected ${[...RESULTS].join(', ')} only as the last step`,
  })

/** Encodings that keep what they leave out for the next delta: with noise, that takes noise back. */
const KEEPS_REST = /^(int4|sign|topk-|rank-|klt-)/

/** Encodings whose tensors have shapes. */
const TELLS_DIRECTIONS = /^(f32|bf16|int8)$/

/** Above this ε nothing is promised that anybody could use; below the least no model learns anything. */
const MAX_EPSILON = 1_000
const MIN_EPSILON = 1e-3
/** δ is the chance that the promise does not hold at all. */
const MAX_DP_DELTA = 1e-2
const MIN_DP_DELTA = 1e-12

const dp = z.strictObject({
  unit: z.enum(['example', 'node']),
  epsilon: z.number().min(MIN_EPSILON).max(MAX_EPSILON),
  delta: z.number().min(MIN_DP_DELTA).max(MAX_DP_DELTA),
  clip: z.number().min(1e-6).max(1e6),
})

/** A cohort's sum needs more than two thirds of its members, src/privacy/masked/cohort.ts. */
const neededOf = (members: number): number => Math.floor((2 * members) / 3) + 1

/** Noise of many members together, as src/privacy/accounting takes it. */
const maskedDp = z.strictObject({
  ...dp.shape,
  unit: z.literal('node'),
  noise: z
    .number()
    .min(2 ** -6)
    .max(2 ** 12),
  honest: z.int().min(1).max(128),
})

/** As src/privacy/masked takes them. */
const masked = z
  .strictObject({
    mode: z.literal('masked'),
    cohort: z.int().min(3).max(128),
    range: z
      .number()
      .min(2 ** -20)
      .max(2 ** 10),
    neighbours: z.int().min(4).max(126).multipleOf(2).exactOptional(),
    dp: maskedDp.exactOptional(),
  })
  .refine((v) => v.dp === undefined || v.dp.honest <= neededOf(v.cohort), {
    path: ['dp', 'honest'],
    message: 'expected at most as many as a cohort needs to be summed, ⌊2·cohort/3⌋ + 1',
  })
  .refine((v) => v.dp === undefined || v.range === v.dp.clip, {
    path: ['range'],
    message: 'expected dp.clip: no value of a clipped delta is larger',
  })

const privacy = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('open'), dp: dp.exactOptional() }),
  masked,
])

/** Each costs a voter two small measurements a delta, four with a control. */
const MAX_CANARIES = 16
const MAX_CANARY_PROMPT = 2_000
const MAX_CANARY_COMPLETION = 500
/** Past this bound, e^20 a token, there is nothing that a delta could not do. */
const MAX_CANARY_BOUND = 20

const canaries = z.strictObject({
  bound: z.number().positive().max(MAX_CANARY_BOUND),
  list: z
    .array(
      z.strictObject({
        prompt: z.string().max(MAX_CANARY_PROMPT),
        completion: z.string().min(1).max(MAX_CANARY_COMPLETION),
        control: z.string().max(MAX_CANARY_PROMPT).exactOptional(),
      }),
    )
    .min(1)
    .max(MAX_CANARIES),
})

const template = z.string().min(1).max(MAX_TEMPLATE).nullable()

const fields = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(120),
  model: z.strictObject({
    name: z.string().min(1).max(120),
    digest: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits'),
  }),
  adapter: lora,
  training,
  aggregation: z
    .strictObject({
      rule: z.enum(['frozen-a', 'alternating', 'stacked-svd', 'factor-mean', 'residual-svd']),
      residualRank: z.int().min(1).max(255).exactOptional(),
      ranks: z.literal('mixed').exactOptional(),
      outerRate: z.number().positive().max(10),
      outerMomentum: z.number().min(0).lt(1),
      outer: z
        .strictObject({
          step: z.enum(['adam', 'yogi']),
          beta1: z.number().min(0).lt(1),
          beta2: z.number().min(0).lt(1),
          tau: z.number().min(MIN_TAU).max(1),
        })
        .exactOptional(),
      robust: robust.exactOptional(),
    })
    .refine((v) => isLinearRule(v.rule) || !v.robust?.some((step) => step === 'median' || step === 'trimmed-mean'), {
      path: ['robust'],
      message: 'expected no median or trimmed-mean with a rule that moves both factors in one round',
    })
    .refine((v) => hasOuterStep(v.rule) || (v.outerRate === 1 && v.outerMomentum === 0), {
      path: ['outerRate'],
      message: 'expected rate 1 and momentum 0 with this rule',
    })
    .refine((v) => (v.rule === 'residual-svd') === (v.residualRank !== undefined), {
      path: ['residualRank'],
      message: 'expected with residual-svd, and with no other rule',
    })
    .refine((v) => v.ranks === undefined || isLinearRule(v.rule) || v.rule === 'stacked-svd', {
      path: ['ranks'],
      message: 'expected mixed ranks with frozen-a, alternating or stacked-svd only',
    })
    .refine((v) => v.outer === undefined || (hasOuterStep(v.rule) && v.outerMomentum === 0), {
      path: ['outer'],
      message: 'expected momentum 0, and a rule that moves the same factors in every round by a mean',
    }),
  encoding: z.custom<DeltaEncoding>(
    isEncoding,
    'expected f32, bf16, int8, int8-zstd, int4, sign, topk-N with N from 2 to 1000, rank-N with N from 1 to 64, or klt-N with N from 2 to 1000',
  ),
  privacy,
  scoring: z.strictObject({
    sliceExamples: z.int().min(1).max(100_000),
    privateExamples: z.int().min(0).max(100_000),
    canaries: canaries.exactOptional(),
  }),
  data: z.strictObject({ prompt: template, completion: template, thinking: template.exactOptional() }),
}) satisfies z.ZodType<TaskSpec>

const hasNoise = (privacy: TaskSpec['privacy']): boolean => privacy.dp !== undefined

/** What is masked is added up, not looked at: only a rule under which the sum of deltas is a delta, in words that add up. */
const spec = fields
  .refine((v) => (v.aggregation.residualRank ?? 0) < v.adapter.rank, {
    path: ['aggregation', 'residualRank'],
    message: "expected less than the adapter's rank: what is left is trained",
  })
  .refine((v) => v.aggregation.ranks === undefined || (v.privacy.mode === 'open' && !hasNoise(v.privacy)), {
    path: ['aggregation', 'ranks'],
    message: 'expected ranks that are the same for all with masks or noise',
  })
  .refine((v) => v.aggregation.rule !== 'residual-svd' || !hasNoise(v.privacy), {
    path: ['aggregation', 'rule'],
    message: 'expected a rule under which the whole of the rank is trained with privacy.dp',
  })
  .refine((v) => v.aggregation.ranks === undefined || TELLS_DIRECTIONS.test(v.encoding), {
    path: ['aggregation', 'ranks'],
    message: 'expected f32, bf16 or int8 with mixed ranks: the others do not say how many directions they have',
  })
  .refine((v) => v.privacy.mode === 'open' || v.aggregation.rule === 'frozen-a', {
    path: ['aggregation', 'rule'],
    message: 'expected frozen-a in masked mode: a sum of deltas must be a delta',
  })
  .refine((v) => v.privacy.mode === 'open' || v.encoding === 'f32', {
    path: ['encoding'],
    message: 'expected f32 in masked mode: masked values are 32 bits each and look like noise',
  })
  .refine((v) => !hasNoise(v.privacy) || v.scoring.privateExamples === 0, {
    path: ['scoring', 'privateExamples'],
    message: 'expected 0 with privacy.dp: a veto is measured on private examples and has no noise',
  })
  .refine((v) => !hasNoise(v.privacy) || !KEEPS_REST.test(v.encoding), {
    path: ['encoding'],
    message:
      'expected f32, bf16, int8 or int8-zstd with privacy.dp: the others keep what they leave out for the next delta',
  })

/** What somebody writes who wants another method than LoRA; LoRA's own settings do not name it. */
const otherMethod = z.object({ adapter: z.object({ method: z.string().max(64) }) })

/** A spec out of untrusted JSON; unknown fields are refused, since they would change the digest unseen. @throws CoveyError E_SPEC */
export function parseSpec(json: unknown): TaskSpec {
  const method = otherMethod.safeParse(json)
  if (method.success && method.data.adapter.method !== 'lora') {
    const message = `task spec: adapter.method: a network's rounds move LoRA's factors, got ${JSON.stringify(method.data.adapter.method)}; other methods are trained alone (covey train --method)`
    throw new CoveyError('E_SPEC', message, { method: method.data.adapter.method })
  }
  const result = spec.safeParse(json)
  if (result.success) return result.data
  const found = result.error.issues.slice(0, 5).map((i) => `${i.path.join('.') || 'spec'}: ${i.message}`)
  throw new CoveyError('E_SPEC', `task spec: ${found.join('; ')}`, { issues: found })
}

/** sha256 of the canonical JSON: what the chain holds. */
export function specDigest(value: TaskSpec): string {
  return digestOfJson(value)
}

/** The spec's published bytes; their sha256 is `specDigest`. */
export function encodeSpec(value: TaskSpec): Uint8Array {
  return utf8.encode(canonicalJson(value))
}

/** A spec out of published bytes. @throws CoveyError E_SPEC when they are too many, not canonical JSON or not a valid spec */
export function decodeSpec(bytes: Uint8Array): TaskSpec {
  if (bytes.byteLength > MAX_SPEC_BYTES) {
    throw new CoveyError('E_SPEC', `task spec: expected at most ${MAX_SPEC_BYTES} bytes, got ${bytes.byteLength}`)
  }
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CoveyError('E_SPEC', `task spec: expected canonical JSON, got ${messageOf(cause)}`, {}, { cause })
  }
  const value = parseSpec(json)
  if (!equalBytes(encodeSpec(value), bytes)) {
    throw new CoveyError(
      'E_SPEC',
      'task spec: expected canonical JSON (RFC 8785), got another spelling of the same spec',
    )
  }
  return value
}
