/** What a quickstart found out: the object that `--json` prints, and the picture of it for people. */
import Table from 'cli-table3'

export interface Measured {
  /** nats per label */
  readonly loss: number
  /** 0 to 1 */
  readonly exactMatch: number
}

export interface RoundResult {
  readonly round: number
  readonly seconds: number
  /** from the draw to the last commitment */
  readonly trainSeconds: number
  readonly included: readonly string[]
  /** by proposer's account, nats */
  readonly medians: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, string>>
  readonly globalDigest: string
  /** with --masked: of each cohort, how many members there were and how many are in its sum; null for one that was not opened */
  readonly cohorts?: readonly (CohortResult | null)[]
  readonly bytesGossiped: number
  readonly bytesPulled: number
  /** by function, summed over all accounts, of the calls mined in this round */
  readonly gas: Readonly<Record<string, number>>
}

/** A cohort's sum that was opened. */
export interface CohortResult {
  readonly members: number
  readonly summed: number
}

/** What a node's deltas have told of its data: docs/privacy.md. */
export interface PrivacySpent {
  readonly node: string
  readonly unit: 'example' | 'node'
  readonly epsilon: number
  readonly of: number
  readonly delta: number
}

/** One `kill -9` of `--crash`. */
export interface CrashResult {
  readonly node: string
  readonly role: 'proposer' | 'voter'
  readonly round: number
  readonly phase: string
}

export interface QuickstartResult {
  readonly task: {
    readonly id: number
    readonly specDigest: string
    readonly baseDigest: string
    readonly contract: string
  }
  readonly rounds: readonly RoundResult[]
  readonly evaluation: {
    readonly base: Measured
    readonly local: readonly (Measured & { readonly node: string })[] | null
    readonly federated: readonly (Measured & { readonly round: number; readonly examples: number })[]
    readonly pooled: Measured | null
    /** held-out examples behind base, local, pooled and the last round */
    readonly examples: number
  }
  readonly agreement: { readonly globalDigests: readonly string[] }
  readonly rewards: readonly {
    readonly account: string
    readonly node: string
    readonly role: string
    readonly earned: string
    readonly slashed: string
    readonly balance: string
  }[]
  readonly served: {
    readonly url: string
    readonly model: string
    readonly digest: string
    readonly question: string
    readonly answer: string
  } | null
  readonly crashes: readonly CrashResult[]
  readonly privacy: readonly PrivacySpent[] | null
  readonly seconds: number
  readonly peakRssMb: Readonly<Record<string, number>>
}

/** Tokens with two decimals: what a person compares; `--json` has every wei. */
const tokens = (wei: string): string => {
  const cents = BigInt(wei) / 10n ** 16n
  return `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`
}
/** No line between rows. */
const COMPACT = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
const times = (a: number, b: number): string => (b > 0 ? `${(a / b).toFixed(2)} ×` : '–')

/** The table that is the reason why the product exists, and the money beside it. */
export function renderResult(result: QuickstartResult): string {
  const { base, local, federated, pooled, examples } = result.evaluation
  const last = federated.at(-1)
  const table = new Table({
    head: [`on ${examples} held-out examples of all organisations`, 'exact match', 'loss'],
    style: { head: [], border: [] },
    chars: COMPACT,
    colAligns: ['left', 'right', 'right'],
  })
  const row = (name: string, m: Measured): unknown => table.push([name, percent(m.exactMatch), m.loss.toFixed(3)])
  row('base model', base)
  for (const l of local ?? []) row(`${l.node} alone, on its own data`, l)
  for (const f of federated)
    row(`federated after round ${f.round}${f.examples < examples ? ` (first ${f.examples})` : ''}`, f)
  if (pooled !== null) row('all data pooled in one place', pooled)

  const money = new Table({
    head: ['COVEY', 'role', 'earned', 'slashed', 'balance'],
    style: { head: [], border: [] },
    chars: COMPACT,
    colAligns: ['left', 'left', 'right', 'right', 'right'],
  })
  for (const r of result.rewards) money.push([r.node, r.role, tokens(r.earned), tokens(r.slashed), tokens(r.balance)])

  const lines = ['', table.toString(), '']
  if (last !== undefined && pooled !== null && local !== null && local.length > 0) {
    const mean = local.reduce((s, l) => s + l.exactMatch, 0) / local.length
    lines.push(
      `Federated reaches ${times(last.exactMatch, pooled.exactMatch)} of pooled and ${times(last.exactMatch, mean)} of a node alone (mean); no example left its node.`,
      '',
    )
  }
  lines.push(chart(result), '', money.toString(), '')
  const same = new Set(result.agreement.globalDigests).size === 1
  lines.push(
    same
      ? `All ${result.agreement.globalDigests.length} nodes hold the same global adapter ${result.agreement.globalDigests[0]?.slice(0, 16)}.`
      : 'THE NODES DO NOT AGREE on the global adapter.',
  )
  if (result.privacy !== null)
    lines.push(
      '',
      ...result.privacy.map(
        (p) => `${p.node} has spent an epsilon of ${p.epsilon.toFixed(2)} of ${p.of} (delta ${p.delta}, by ${p.unit}).`,
      ),
    )
  if (result.served !== null)
    lines.push(
      '',
      `Asked at ${result.served.url}:`,
      `  ${result.served.question.replaceAll('\n', '\n  ')}`,
      `  → ${result.served.answer.trim()}`,
    )
  lines.push('', `${result.rounds.length} rounds, ${result.seconds.toFixed(0)} s in all.`)
  return lines.join('\n')
}

/** Exact match by round as bars, so that the eye sees it rise. */
function chart(result: QuickstartResult): string {
  const points: readonly (readonly [string, number])[] = [
    ['base', result.evaluation.base.exactMatch],
    ...result.evaluation.federated.map((f): [string, number] => [`round ${f.round}`, f.exactMatch]),
    ...(result.evaluation.pooled === null ? [] : [['pooled', result.evaluation.pooled.exactMatch] as const]),
  ]
  const WIDTH = 50
  return points
    .map(
      ([name, value]) =>
        `${name.padStart(10)} ${'█'.repeat(Math.round(value * WIDTH)).padEnd(WIDTH, '·')} ${percent(value)}`,
    )
    .join('\n')
}
