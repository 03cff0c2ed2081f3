/** README.md of the shipped base model: what it is, what it read, how its loss fell. */
import type { ModelConfig } from '../src/types/model.ts'

export interface CurvePoint {
  readonly step: number
  readonly tokens: number
  readonly seconds: number
  /** mean over the steps since the last point, nats per token */
  readonly train: number
  /** held-out blocks, nats per token */
  readonly heldOut: number
}

/** A run is one part, or several when it went on with another corpus or a longer budget. */
export interface TrainingPart {
  /** first step of this part */
  readonly step: number
  /** tokens of its corpus */
  readonly corpusTokens: number
  /** time of all parts up to the end of this one */
  readonly minutes: number
}

export interface CorpusReport {
  readonly tokens: number
  readonly tokenizerSha256: string
  readonly sources: Readonly<Record<string, { documents: number; tokens: number; share: number; licence: string }>>
}

interface CardInput {
  readonly config: ModelConfig
  readonly parameters: number
  readonly corpus: CorpusReport
  readonly curve: readonly CurvePoint[]
  readonly parts: readonly TrainingPart[]
  readonly recipe: Readonly<Record<string, string | number>>
}

export function modelCard({ config: c, parameters, corpus, curve, parts, recipe }: CardInput): string {
  const last = curve.at(-1)
  const lines = [
    '---',
    'license: apache-2.0',
    'language: en',
    'library_name: transformers',
    'pipeline_tag: text-generation',
    '---',
    '',
    '# covey-nano',
    '',
    `A Llama-architecture language model of ${(parameters / 1e6).toFixed(1)} million parameters, small enough to ship with Covey and to fine-tune on a laptop's cores. It was`,
    "trained from random weights by Covey's own engine (`npm run pretrain`). It is a base for fine-tuning on narrow tasks: it knows little, and",
    'what it writes on its own is not to be relied on.',
    '',
    '| | |',
    '|---|---|',
    `| layers, width, feed-forward | ${c.layers}, ${c.hiddenSize}, ${c.ffnSize} |`,
    `| heads (key/value), head size | ${c.heads} (${c.kvHeads}), ${c.headDim} |`,
    `| vocabulary | ${c.vocabSize}, byte-level BPE |`,
    `| context | ${c.maxPositions} tokens |`,
    `| embeddings | ${c.tiedEmbeddings ? 'tied with the head' : 'separate from the head'} |`,
    ...Object.entries(recipe).map(([k, v]) => `| ${k} | ${v} |`),
    ...(last
      ? [
          `| tokens seen | ${last.tokens} of a corpus of ${corpus.tokens} |`,
          `| loss (train, held out), nats a token | ${last.train.toFixed(3)}, ${last.heldOut.toFixed(3)} |`,
        ]
      : []),
    '',
    '## Data',
    '',
    'Training splits of public data sets only, and requests to made-up tools; held-out blocks of the same corpus measure the loss.',
    '',
    ...(parts.length > 1
      ? [
          'The training had parts, each with its own schedule and corpus; held-out losses compare within a part only. The table is of the last one.',
          '',
          ...parts.map((p) => `- from step ${p.step}: a corpus of ${p.corpusTokens} tokens, up to minute ${p.minutes}`),
          '',
        ]
      : []),
    '| source | documents | tokens | share | licence |',
    '|---|---|---|---|---|',
    ...Object.entries(corpus.sources).map(
      ([name, s]) => `| ${name} | ${s.documents} | ${s.tokens} | ${(100 * s.share).toFixed(1)} % | ${s.licence} |`,
    ),
    '',
    '## Loss',
    '',
    '![loss over tokens](loss.svg)',
    '',
    '| step | tokens | minutes | train | held out |',
    '|---|---|---|---|---|',
    ...curve.map(
      (p) =>
        `| ${p.step} | ${p.tokens} | ${(p.seconds / 60).toFixed(1)} | ${p.train.toFixed(3)} | ${p.heldOut.toFixed(3)} |`,
    ),
    '',
    '## Limits',
    '',
    'English only. The prose is mostly from before 1930, with the views of its time. No alignment or safety training. Facts, arithmetic and names are',
    'often wrong. Use it where a fine-tuned answer can be checked.',
    '',
  ]
  return lines.join('\n')
}

/** The curve as a small SVG: held-out loss over tokens. */
export function lossSvg(curve: readonly CurvePoint[]): string {
  const width = 640
  const height = 320
  const pad = 44
  const maxX = Math.max(1, ...curve.map((p) => p.tokens))
  const ys = curve.map((p) => p.heldOut)
  const lo = Math.floor(Math.min(...ys, 4))
  const hi = Math.ceil(Math.max(...ys, lo + 1))
  const x = (t: number): string => (pad + ((width - 2 * pad) * t) / maxX).toFixed(1)
  const y = (l: number): string => (height - pad - ((height - 2 * pad) * (l - lo)) / (hi - lo)).toFixed(1)
  const ticks = Array.from({ length: hi - lo + 1 }, (_, i) => lo + i)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...ticks.map(
      (t) =>
        `<path d="M${pad} ${y(t)}H${width - pad}" stroke="#ddd"/><text x="${pad - 8}" y="${y(t)}" text-anchor="end" dy="4">${t}</text>`,
    ),
    `<polyline fill="none" stroke="#1f5fa8" stroke-width="2" points="${curve.map((p) => `${x(p.tokens)},${y(p.heldOut)}`).join(' ')}"/>`,
    `<text x="${width / 2}" y="${height - 12}" text-anchor="middle">million tokens (right edge: ${(maxX / 1e6).toFixed(1)})</text>`,
    `<text x="${pad}" y="20">held-out loss, nats a token</text>`,
    '</svg>',
    '',
  ].join('\n')
}
