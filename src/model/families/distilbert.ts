/**
 * DistilBERT (Sanh et al. 2019, arXiv:1910.01108), with a head for sequence classification or for masked tokens. Fields as
 * Hugging Face's `DistilBertConfig`: https://huggingface.co/docs/transformers/model_doc/distilbert#transformers.DistilBertConfig
 */
import { z } from 'zod'
import type { LinearLayer, ModelConfig, PlainFeatures, PlainHead, PlainNames } from '../../types/model.ts'
import type { Architecture } from './architecture.ts'
import {
  configError,
  type Json,
  layerCount,
  parseFields,
  positionCount,
  readActivation,
  readTokens,
  specialTokens,
  unsupported,
  vocabSize,
  width,
  writeActivation,
  writeTokens,
} from './fields.ts'
import { plainLinears, plainShapes } from './plain.ts'

/** fixed in the model's code */
const NORM_EPSILON = 1e-12
const MAX_CLASSES = 65_536
/** transformers' default number of labels */
const DEFAULT_CLASSES = 2

const fields = z.object({
  vocab_size: vocabSize.default(30_522),
  dim: width.default(768),
  n_layers: layerCount.default(6),
  n_heads: width.default(12),
  hidden_dim: width.default(3072),
  max_position_embeddings: positionCount.default(512),
  activation: z.string().default('gelu'),
  tie_weights_: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
  num_labels: z.int().min(1).max(MAX_CLASSES).nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  problem_type: z.string().nullish(),
  ...specialTokens,
})

const LAYER = 'distilbert.transformer.layer.*'
const NAMES: PlainNames = {
  embedding: 'distilbert.embeddings.word_embeddings.weight',
  positions: 'distilbert.embeddings.position_embeddings.weight',
  embeddingNorm: 'distilbert.embeddings.LayerNorm',
  projectIn: null,
  projectOut: null,
  query: `${LAYER}.attention.q_lin`,
  key: `${LAYER}.attention.k_lin`,
  value: `${LAYER}.attention.v_lin`,
  out: `${LAYER}.attention.out_lin`,
  up: `${LAYER}.ffn.lin1`,
  down: `${LAYER}.ffn.lin2`,
  attentionNorm: `${LAYER}.sa_layer_norm`,
  ffnNorm: `${LAYER}.output_layer_norm`,
  finalNorm: null,
}

type Kind = 'classes' | 'tokens'

function headOf(kind: Kind, activation: PlainHead['activation']): PlainHead {
  return kind === 'classes'
    ? {
        transform: 'pre_classifier',
        activation: 'relu',
        norm: null,
        output: 'classifier.weight',
        bias: 'classifier.bias',
      }
    : {
        transform: 'vocab_transform',
        activation,
        norm: 'vocab_layer_norm',
        output: 'vocab_projector.weight',
        bias: 'vocab_projector.bias',
      }
}

/** In the order of their numbers; transformers' own names where there are none. @throws CoveyError E_MODEL_FILE */
function classNames({ num_labels, id2label }: z.infer<typeof fields>): string[] {
  const count = num_labels ?? (Object.keys(id2label ?? {}).length || DEFAULT_CLASSES)
  const names = Array.from({ length: count }, (_, i) => id2label?.[i] ?? `LABEL_${i}`)
  if (id2label && Object.keys(id2label).length !== count) {
    throw configError(`id2label: expected ${count} names, got ${Object.keys(id2label).length}`)
  }
  if (new Set(names).size !== count) throw configError('id2label: expected each name once')
  return names
}

function readConfig(name: string, kind: Kind, json: Json): ModelConfig {
  const c = parseFields(fields, { pad_token_id: 0, ...json })
  if (c.dim % c.n_heads !== 0) throw configError(`the width ${c.dim} does not divide by ${c.n_heads} heads`)
  const classes = kind === 'classes' ? classNames(c) : null
  if (classes?.length === 1) throw unsupported('num_labels is 1 (a regression)')
  if (kind === 'classes' && (c.problem_type ?? 'single_label_classification') !== 'single_label_classification') {
    throw unsupported(`problem_type is ${c.problem_type}`)
  }
  const activation = readActivation('activation', c.activation)
  const head = headOf(kind, activation)
  const transform: LinearLayer = { module: head.transform, outputs: 'hidden', inputs: 'hidden' }
  const plain: PlainFeatures = {
    names: NAMES,
    postNorm: true,
    causal: false,
    positionOffset: 0,
    ...(classes === null ? {} : { classes }),
    head,
  }
  return {
    architecture: name,
    vocabSize: c.vocab_size,
    hiddenSize: c.dim,
    layers: c.n_layers,
    heads: c.n_heads,
    kvHeads: c.n_heads,
    headDim: c.dim / c.n_heads,
    ffnSize: c.hidden_dim,
    normEpsilon: NORM_EPSILON,
    ropeTheta: 0,
    maxPositions: c.max_position_embeddings,
    tiedEmbeddings: kind === 'tokens' && c.tie_weights_ && c.tie_word_embeddings,
    ...readTokens(c),
    activation,
    plain,
    linears: [...plainLinears(NAMES), transform],
  }
}

function distilbert(name: string, kind: Kind): Architecture {
  return {
    name,
    readConfig: (json) => readConfig(name, kind, json),
    writeConfig: (c, dtype) => ({
      architectures: [name],
      model_type: 'distilbert',
      vocab_size: c.vocabSize,
      dim: c.hiddenSize,
      n_layers: c.layers,
      n_heads: c.heads,
      hidden_dim: c.ffnSize,
      max_position_embeddings: c.maxPositions,
      sinusoidal_pos_embds: false,
      activation: writeActivation(c.activation ?? 'gelu'),
      tie_weights_: kind === 'classes' || c.tiedEmbeddings,
      ...(c.plain?.classes ? writeClasses(c.plain.classes) : {}),
      ...writeTokens(c),
      torch_dtype: dtype === 'BF16' ? 'bfloat16' : 'float32',
    }),
    tensorShapes: plainShapes,
    // a tied output matrix may be kept twice; a classifier may come with the head that it was pre-trained with
    ignores: (c, tensor) =>
      tensor === 'distilbert.embeddings.position_ids' ||
      (c.tiedEmbeddings && tensor === 'vocab_projector.weight') ||
      (kind === 'classes' && tensor.startsWith('vocab_')),
  }
}

function writeClasses(names: readonly string[]): Record<string, unknown> {
  return {
    id2label: Object.fromEntries(names.entries()),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
    problem_type: 'single_label_classification',
  }
}

export const distilbertForClassification = distilbert('DistilBertForSequenceClassification', 'classes')
export const distilbertForMaskedTokens = distilbert('DistilBertForMaskedLM', 'tokens')
