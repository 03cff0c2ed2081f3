import { expect } from 'chai'
import { benchCohort, completes, measureCohort } from '../../bench/masked/cohort.ts'
import { type Drop, runCohort } from '../support/masked-cohort.ts'

describe('the bench of masking', function () {
  this.timeout(120_000)

  const cases = [
    { members: 4, neighbours: null, lost: [1], opens: true },
    { members: 4, neighbours: null, lost: [0, 3], opens: false },
    { members: 6, neighbours: 4, lost: [2], opens: true },
  ] as const

  for (const { members, neighbours, lost, opens } of cases) {
    it(`knows as the protocol does what becomes of ${members} members, ${neighbours ?? 'all'} neighbours, without ${lost.join(' and ')}`, () => {
      const cohort = benchCohort(members, neighbours)
      const drops = new Map<number, Drop>(lost.map((member) => [member, 'delta']))
      const values = cohort.members.map((_, i) => Float32Array.of(i / 16))
      const run = runCohort(cohort, values, { drops })
      expect(completes(cohort, (member) => drops.has(member))).to.equal(opens)
      if (opens) expect(run.open()).to.have.length(1)
      else expect(() => run.open()).to.throw()
    })
  }

  it('counts more bytes for more members, and fewer with a sparse graph than without', () => {
    const all = measureCohort(benchCohort(6, null), 100)
    const sparse = measureCohort(benchCohort(6, 4), 100)
    expect([all, sparse].map((row) => row.taken.messages)).to.deep.equal([15, 15])
    expect(sparse.bytes.shares).to.be.below(all.bytes.shares)
    expect(sparse.taken.bytes).to.be.below(all.taken.bytes)
    expect([all.threshold, all.most]).to.deep.equal([5, 1])
    for (const ms of [all.deal_ms, all.mask_ms, all.unmask_ms, all.open_ms, all.sum_ms]) expect(ms).to.be.at.least(0)
  })
})
