import { expect } from 'chai'
import fc from 'fast-check'
import {
  dealPartitions,
  exampleKey,
  holdOut,
  partitionSizes,
  probeSlices,
  splitExamples,
} from '../../src/data/split.ts'
import type { Example } from '../../src/types/data.ts'
import { expectRejects } from '../support/expect-error.ts'

const examplesOf = (sizes: readonly number[]): Example[] =>
  sizes.flatMap((n, p) =>
    Array.from({ length: n }, (_, i) => ({ prompt: `p${p} q${i}`, completion: `c${i % 3}`, partition: `part${p}` })),
  )
const keys = (examples: readonly Example[]): Set<string> => new Set(examples.map(exampleKey))
const counts = (examples: readonly Example[]): number[] => [...partitionSizes(examples).values()]

describe('data/split', () => {
  const sizes = fc.array(fc.integer({ min: 2, max: 60 }), { minLength: 1, maxLength: 6 })

  it('splits into parts that share no prompt, whatever the order of lines', () => {
    fc.assert(
      fc.property(sizes, fc.nat(30), fc.integer(), (s, probeExamples, seed) => {
        const all = examplesOf(s)
        const doubled = [...all, { ...(all[0] as Example), completion: 'another answer', partition: 'other' }]
        const options = { seed, testShare: 0.2, probeExamples }
        const split = splitExamples(doubled, options)
        const parts = [split.train, split.test, split.probe].map(keys)
        expect(parts.reduce((n, part) => n + part.size, 0)).to.equal(keys(doubled).size)
        const backward = splitExamples([...doubled].reverse(), options)
        expect(keys(backward.probe)).to.deep.equal(parts[2])
        expect(keys(backward.test)).to.deep.equal(parts[1])
      }),
      { numRuns: 40 },
    )
  })

  it('takes a probe from every partition, evenly', () => {
    const { probe, train } = splitExamples(examplesOf([100, 40, 6, 2, 1]), { seed: 1, testShare: 0, probeExamples: 20 })
    expect(counts(probe)).to.deep.equal([8, 8, 3, 1])
    expect(counts(train)).to.deep.equal([92, 32, 3, 1, 1])
  })

  it('keeps the prompts of a given test set out of everything else', () => {
    const all = examplesOf([50, 50])
    const test = all.slice(0, 20)
    const split = splitExamples(all, { seed: 1, testShare: 0, probeExamples: 10, test })
    expect(split.test).to.deep.equal(test)
    for (const key of keys([...split.train, ...split.probe])) expect(keys(test).has(key)).to.equal(false)
    expect(split.train.length + split.probe.length).to.equal(80)
  })

  it('holds out about the share asked for', () => {
    const { train, heldOut } = holdOut(examplesOf([200]), 0.1, 's')
    expect(heldOut).to.have.length(20)
    expect(train).to.have.length(180)
    expect(holdOut(examplesOf([2]), 0.1, 's').heldOut).to.have.length(1)
    expect(holdOut(examplesOf([1]), 0.1, 's').heldOut).to.have.length(0)
    expect(() => holdOut([], 1, 's')).to.throw(/share/)
  })

  it('deals whole partitions, each node at least one, within the bound of largest-first', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 6 }), fc.integer(), (s, nodes, seed) => {
        fc.pre(s.length >= nodes)
        const bySize = partitionSizes(examplesOf(s))
        const hands = dealPartitions(bySize, nodes, seed)
        expect(hands).to.have.length(nodes)
        expect(hands.flat().sort()).to.deep.equal([...bySize.keys()].sort())
        const loads = hands.map((hand) => hand.reduce((n, name) => n + (bySize.get(name) ?? 0), 0))
        const total = s.reduce((a, b) => a + b, 0)
        // Graham 1969: at most 4/3 of the best, which is at least max(largest, mean)... of list scheduling: mean + largest
        expect(Math.max(...loads)).to.be.at.most(total / nodes + Math.max(...s))
        expect(hands.every((hand) => hand.length > 0)).to.equal(true)
      }),
    )
    expect(
      dealPartitions(
        new Map([
          ['a', 9],
          ['b', 5],
          ['c', 4],
        ]),
        2,
        1,
      )
        .map((h) => h.join())
        .sort(),
    ).to.deep.equal(['a', 'b,c'])
    expect(
      dealPartitions(
        new Map([
          ['a', 0],
          ['b', 0],
        ]),
        2,
        1,
      )
        .flat()
        .sort(),
    ).to.deep.equal(['a', 'b'])
  })

  it('says that there are too few partitions', () =>
    expectRejects(
      () => dealPartitions(new Map([['a', 5]]), 2, 1),
      'E_ARGUMENT',
      /2 nodes need at least as many partitions, the data has 1/,
    ))

  it('makes disjoint slices that cover the partitions alike', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 20 }), (s, rounds, slice) => {
        const all = examplesOf(s)
        fc.pre(all.length >= rounds)
        const slices = probeSlices(all, rounds, slice, 1)
        expect(slices).to.have.length(rounds)
        const size = Math.min(slice, Math.floor(all.length / rounds))
        for (const part of slices) expect(part).to.have.length(size)
        expect(keys(slices.flat()).size).to.equal(size * rounds)
        for (const name of partitionSizes(all).keys()) {
          const per = slices.map((part) => part.filter((e) => e.partition === name).length)
          expect(Math.max(...per) - Math.min(...per)).to.be.at.most(1)
        }
      }),
    )
  })

  it('refuses a probe of less than one example a round', () =>
    expectRejects(() => probeSlices(examplesOf([3]), 4, 8, 1), 'E_ARGUMENT', /3 examples for 4 rounds/))
})
