import { expect } from 'chai'
import { InvalidArgumentError } from 'commander'
import { roundRange } from '../../../../cli/cmds/task-audit/options.ts'
import { pictureOf } from '../../../../cli/cmds/task-audit/picture.ts'
import { linesOf } from '../../../../cli/cmds/task-audit/table.ts'
import type { AuditedRound, TaskAudit } from '../../../../node/audit/audit.ts'
import { worthOf } from '../../../../node/audit/worth.ts'
import type { Address, ProposerOutcome, RoundView } from '../../../../src/types/ledger.ts'
import { runInProcess } from '../../../support/run-in-process.ts'

const TOKEN = 10n ** 18n
const account = (n: number): Address => `0x${String(n).padStart(40, '0')}`

const round = (n: number, values: readonly number[], change: Partial<AuditedRound> = {}): AuditedRound => ({
  round: n,
  exact: true,
  measured: 2 ** values.length,
  base: 3,
  momentum: 0,
  gain: values.reduce((a, b) => a + b, 0),
  shares: values.map((value, i) => ({ accounts: [account(i + 1)], value, error: 0 })),
  ...change,
})

/** A settled round of so many proposers, each included and paid a token unless another outcome is named. */
function view(
  count: number,
  others: Readonly<Record<number, ProposerOutcome>> = {},
): Pick<RoundView, 'proposers' | 'settlement'> {
  const seats = Array.from({ length: count }, (_, i) => i + 1)
  return {
    proposers: seats.map((n) => ({ account: account(n), weight: 1n, commitment: null, reveal: null })),
    settlement: {
      proposers: seats.map((n) => {
        const outcome = others[n] ?? 'included'
        return { outcome, median: 0, paid: outcome === 'included' ? TOKEN : 0n, slashBps: 0 }
      }),
      voters: [],
      agreedBase: null,
      incumbentMedian: 0,
      rolledBack: false,
    },
  }
}

const auditOf = (
  rounds: readonly AuditedRound[],
  views: Parameters<typeof worthOf>[0],
  change: Partial<TaskAudit> = {},
): TaskAudit => ({
  task: 4,
  by: 'proposer',
  examples: 64,
  slicesMissing: [],
  rounds,
  leftOut: [],
  differing: [],
  accounts: worthOf(views, rounds),
  ...change,
})

describe('what an account is worth', () => {
  it('is the sum over rounds, most first; a seat that was left out adds nothing', () => {
    const rounds = [round(1, [0.1, 0.3]), round(2, [0.2, 0.1, 0.05], { shares: [...round(2, [0.2, 0.1]).shares] })]
    const worth = worthOf([view(2), view(3, { 3: 'slashed' })], rounds)
    expect(worth.map((w) => w.account)).to.deep.equal([account(2), account(1), account(3)])
    expect(worth.map((w) => [w.seats, w.included])).to.deep.equal([
      [2, 2],
      [2, 2],
      [1, 0],
    ])
    expect(worth.map((w) => w.value.toFixed(6))).to.deep.equal(['0.400000', '0.300000', '0.000000'])
    expect(worth[0]?.share).to.be.closeTo(4 / 7, 1e-12)
    expect(worth.map((w) => w.paid)).to.deep.equal([2n * TOKEN, 2n * TOKEN, 0n])
    expect(worth[0]?.perToken).to.be.closeTo(0.2, 1e-12)
    expect(worth[2]?.perToken).to.equal(null)
  })

  it('has no share where there is nothing to share, and errors that add as squares', () => {
    const sampled = (n: number) =>
      round(n, [], { exact: false, shares: [{ accounts: [account(1), account(2)], value: -0.2, error: 0.06 }] })
    const [first] = worthOf([view(2), view(2)], [sampled(1), sampled(2)])
    expect(first?.share).to.equal(null)
    expect(first?.value).to.be.closeTo(-0.2, 1e-12)
    expect(first?.error).to.be.closeTo(Math.hypot(0.03, 0.03), 1e-12)
  })
})

describe('covey task audit', () => {
  const amount = (wei: bigint): string => `${wei / TOKEN} COVEY`

  it('takes rounds as a range or one', () => {
    expect(roundRange('3..7')).to.deep.equal({ from: 3, to: 7 })
    expect(roundRange('5')).to.deep.equal({ from: 5, to: 5 })
    for (const wrong of ['', '7..3', '0..3', '3-7', '1..', '..2', '1.5', '1..9999999999'])
      expect(() => roundRange(wrong), wrong).to.throw(InvalidArgumentError, /3\.\.7/)
  })

  it('says what was left out and why, and what could not be told apart', () => {
    const rounds = [round(1, [0.1, -0.3], { momentum: 0.02 })]
    const lines = linesOf(
      auditOf(rounds, [view(2)], {
        by: 'cohort',
        leftOut: [{ round: 2, why: '1 of its deltas are not to be had', missing: ['ab'.repeat(32)] }],
        slicesMissing: [2],
        differing: [3],
      }),
      amount,
    ).join('\n')
    expect(lines).to.contain('task 4: 1 of 2 rounds audited on 64 examples')
    expect(lines).to.match(/momentum of earlier steps 0\.0200, which is nobody's/)
    expect(lines).to.contain('+0.1000')
    expect(lines).to.contain('−0.3000')
    expect(lines).to.contain('This task is masked')
    expect(lines).to.contain('round 2 is left out: 1 of its deltas')
    expect(lines).to.contain(`missing ${'ab'.repeat(32)}`)
    expect(lines).to.contain('slices of round 2')
    expect(lines).to.contain('! In round 3')
    expect(lines).to.not.contain('Sampled')
  })

  it('says where it sampled, and what a seat that was not included is worth', () => {
    const rounds = [round(1, [0.1, 0.2], { exact: false })]
    const lines = linesOf(auditOf(rounds, [view(3, { 3: 'excluded' })]), amount).join('\n')
    expect(lines).to.contain('Sampled in round 1')
    expect(lines).to.contain('0 of 1')
    expect(lines).to.contain('A seat that was not included added nothing')
  })

  it('draws a line an account over all rounds from the first to the last, also below zero', () => {
    const rounds = [round(3, [0.1, -0.3]), round(5, [0.1, 0.1])]
    const svg = pictureOf(auditOf(rounds, [view(2), view(2)]))
    const points = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(
      ([, list]) => (list as string).split(' ').length,
    )
    // before the first, and after rounds 3, 4 and 5
    expect(points).to.deep.equal([4, 4])
    expect(svg).to.contain('>2</text>').and.to.contain('>5</text>').and.to.contain('>-0.30<')
    expect(svg).to.not.match(/NaN|Infinity/)
  })

  it('draws the many small ones together', () => {
    const values = Array.from({ length: 30 }, (_, i) => 0.01 * (i + 1))
    const svg = pictureOf(auditOf([round(1, values)], [view(30)]))
    expect([...svg.matchAll(/<polyline /g)]).to.have.length(12)
    expect(svg).to.contain('19 others')
  })

  it('refuses folders that are none before it asks the chain', async () => {
    const run = await runInProcess(['task', 'audit', '1', '--blobs', '/nowhere/at/all', '--rpc', 'http://127.0.0.1:1'])
    expect(run.code).to.equal('E_CONFIG')
    expect(run.stderr).to.contain('--blobs')
  })
})
