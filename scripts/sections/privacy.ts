/** What privacy costs, and what an attacker finds with it and without. */
import { commandLine, percent } from './format.ts'

/** What `node bench/privacy.ts --write NAME` wrote. */
export interface PrivacyRun {
  readonly args: readonly string[]
  readonly delta: number
  readonly rounds: number
  readonly dpSgdStepRatio: number | null
  readonly rows: readonly {
    readonly unit: 'example' | 'node' | null
    readonly epsilon: number | null
    readonly spent: number | null
    readonly noise: number | null
    readonly exactMatch: number
    readonly loss: number
    readonly membershipAuc: number
    readonly canaries: readonly { readonly copies: number; readonly exposure: number; readonly extracted: number }[]
  }[]
}

export function privacySection(name: string, run: PrivacyRun): string {
  const copies = run.rows[0]?.canaries.map((c) => c.copies) ?? []
  const rows = run.rows.map((row) => {
    const found = row.canaries.map((c) => `${c.exposure.toFixed(1)} bits, ${percent(c.extracted)}`)
    const spent = row.spent === null ? '–' : row.spent.toFixed(2)
    return `| ${row.unit ?? 'no noise'} | ${row.epsilon ?? '∞'} | ${spent} | ${row.noise?.toFixed(2) ?? '–'} | ${percent(row.exactMatch)} | ${row.loss.toFixed(3)} | ${row.membershipAuc.toFixed(3)} | ${found.join(' | ')} |`
  })
  const ratio =
    run.dpSgdStepRatio === null
      ? ''
      : ` A step that clips each example takes ${run.dpSgdStepRatio.toFixed(2)} × one that does not.`
  return [
    `## privacy: ${name}`,
    '',
    '```',
    commandLine('bench:privacy', run.args),
    '```',
    '',
    `${run.rounds} rounds in one process, every node in every round. ε at δ = ${run.delta}; “spent” is the largest of a node by the accountant. The attacker reads one node’s published deltas: membership is the area under the ROC curve (0.5 is a coin), a canary’s exposure has 7 bits at most and about 1.4 by chance, and the part of them that greedy decoding wrote out stands behind it.${ratio}`,
    '',
    `| unit | ε asked | ε spent | noise | exact match | loss | membership | ${copies.map((c) => `canaries, ${c} ×`).join(' | ')} |`,
    `|---|---:|---:|---:|---:|---:|---:|${copies.map(() => '---:|').join('')}`,
    ...rows,
  ].join('\n')
}
