/** What the readers of config.json share: caps, small schemas, errors that name the field. */
import { z } from 'zod'
import { CoveyError } from '../../base/errors.ts'
import type { Activation, ModelConfig } from '../../types/model.ts'

export type Json = Readonly<Record<string, unknown>>

// Caps keep a hostile config.json from asking for more than any known small model has, long before memory is touched.
const MAX_WIDTH = 65_536
const MAX_LAYERS = 512
const MAX_VOCAB = 1_048_576
const MAX_POSITIONS = 16_777_216

export const width = z.int().min(1).max(MAX_WIDTH)
export const layerCount = z.int().min(1).max(MAX_LAYERS)
export const vocabSize = z.int().min(1).max(MAX_VOCAB)
export const positionCount = z.int().min(1).max(MAX_POSITIONS)
export const epsilon = z.number().gt(0).lt(1)
/** Factors that scale what flows: none is near these ends. */
export const factor = z.number().gt(1e-6).lt(1e6)

const tokenId = z
  .int()
  .min(0)
  .max(MAX_VOCAB - 1)

/** Special tokens, as every family writes them. */
export const specialTokens = {
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId).max(64)]).nullish(),
  // some configs say -1 for "none"
  pad_token_id: z.int().min(-1).max(MAX_VOCAB).nullish(),
}

/** @throws CoveyError E_MODEL_FILE naming the first field that is not as expected */
export function parseFields<T>(schema: z.ZodType<T>, json: Json): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw configError(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`, { issues: parsed.error.issues })
}

/** A field whose value cannot be. */
export function configError(what: string, data: Record<string, unknown> = {}): CoveyError {
  return new CoveyError('E_MODEL_FILE', `config.json: ${what}`, data)
}

/** A field whose value asks for a computation that Covey does not have. */
export function unsupported(what: string): CoveyError {
  return new CoveyError('E_MODEL_ARCHITECTURE', `config.json: ${what}, which Covey's graphs do not have`, {})
}

interface SpecialTokens {
  readonly bos_token_id?: number | null | undefined
  readonly eos_token_id?: number | readonly number[] | null | undefined
  readonly pad_token_id?: number | null | undefined
}

export function readTokens(c: SpecialTokens): Pick<ModelConfig, 'bosId' | 'eosIds' | 'padId'> {
  const eos = c.eos_token_id ?? []
  const pad = c.pad_token_id ?? -1
  return { bosId: c.bos_token_id ?? null, eosIds: typeof eos === 'number' ? [eos] : eos, padId: pad < 0 ? null : pad }
}

export function writeTokens(c: ModelConfig): Record<string, unknown> {
  const [first] = c.eosIds
  return {
    bos_token_id: c.bosId,
    eos_token_id: c.eosIds.length > 1 ? c.eosIds : (first ?? null),
    pad_token_id: c.padId,
  }
}

/** Names as in transformers' `ACT2FN`. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
}

/** @throws CoveyError E_MODEL_ARCHITECTURE */
export function readActivation(field: string, name: string): Activation {
  const found = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined
  if (!found) throw unsupported(`${field} is ${name}, not one of ${Object.keys(ACTIVATIONS).join(', ')}`)
  return found
}

export function writeActivation(activation: Activation): string {
  return activation === 'gelu-tanh' ? 'gelu_pytorch_tanh' : activation
}

/** H divides by K. @throws CoveyError E_MODEL_FILE */
export function checkHeads(heads: number, kvHeads: number): void {
  if (heads % kvHeads !== 0) {
    throw configError(`${heads} attention heads do not divide by ${kvHeads} key/value heads`)
  }
}

/** A number computed there and back: twelve digits drop what rounding added. */
export function tidy(x: number): number {
  return Number(x.toPrecision(12))
}
