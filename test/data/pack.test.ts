import { expect } from 'chai'
import fc from 'fast-check'
import { createBatcher, packForEvaluation } from '../../src/data/batches.ts'
import { packExamples, packTightly } from '../../src/data/pack.ts'
import { IGNORE_LABEL, type PackedBatch, type TokenizedExample } from '../../src/types/data.ts'

const example = (promptLength: number, ...ids: number[]): TokenizedExample => ({
  ids: Int32Array.from(ids),
  promptLength,
})

/** Examples whose tokens say which example they belong to. */
const many = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat(20)), { minLength: 1, maxLength: 40 })
  .map((shapes) =>
    shapes.map(([n, p], k) => example(Math.min(p, n), ...Array.from({ length: n }, (_, i) => 100 * (k + 1) + i))),
  )

/** Reads the examples back out of a batch. */
function unpack(batch: PackedBatch): { ids: number[]; labels: number[] }[] {
  const out = Array.from({ length: batch.examples }, () => ({ ids: [] as number[], labels: [] as number[] }))
  batch.segments.forEach((segment, i) => {
    if (segment === 0) {
      expect(batch.labels[i]).to.equal(IGNORE_LABEL)
      return
    }
    const entry = out[segment - 1] as { ids: number[]; labels: number[] }
    expect(batch.positions[i]).to.equal(entry.ids.length)
    entry.ids.push(batch.ids[i] as number)
    entry.labels.push(batch.labels[i] as number)
  })
  return out
}

describe('data/pack', () => {
  it('packs two examples and padding, labels one ahead', () => {
    const batch = packExamples([example(2, 7, 8, 9, 0), example(0, 5, 0)], 8)
    const no = IGNORE_LABEL
    expect(batch).to.deep.include({ rows: 1, length: 8, examples: 2, labelCount: 3 })
    expect([...batch.ids]).to.deep.equal([7, 8, 9, 0, 5, 0, 0, 0])
    expect([...batch.labels]).to.deep.equal([no, 9, 0, no, 0, no, no, no])
    expect([...batch.positions]).to.deep.equal([0, 1, 2, 3, 0, 1, 0, 0])
    expect([...batch.segments]).to.deep.equal([1, 1, 1, 1, 2, 2, 0, 0])
  })

  it('keeps every example whole in one row, in few rows', () => {
    fc.assert(
      fc.property(many, fc.integer({ min: 20, max: 64 }), (examples, length) => {
        const batch = packExamples(examples, length)
        const seen = unpack(batch)
        let labels = 0
        examples.forEach(({ ids, promptLength }, k) => {
          expect(seen[k]?.ids).to.deep.equal([...ids])
          const want = [...ids].map((_, p) => (p + 1 < ids.length && p + 1 >= promptLength ? ids[p + 1] : IGNORE_LABEL))
          expect(seen[k]?.labels).to.deep.equal(want)
          labels += want.filter((label) => label !== IGNORE_LABEL).length
          const places = [...batch.segments].map((s, i) => (s === k + 1 ? i : -1)).filter((i) => i >= 0)
          expect(new Set(places.map((i) => Math.floor(i / length))).size).to.equal(1)
        })
        expect(batch.labelCount).to.equal(labels)
        const total = examples.reduce((n, e) => n + e.ids.length, 0)
        // first-fit leaves at most one row half empty
        expect(batch.rows).to.be.at.most(Math.ceil((2 * total) / length) + 1)
      }),
      { numRuns: 50 },
    )
  })

  it('chooses the length of the rows that leaves least of them empty', () => {
    const sized = (...sizes: number[]): TokenizedExample[] =>
      sizes.map((n) => example(0, ...new Array<number>(n).fill(1)))
    const shape = (...sizes: number[]): [number, number] => {
      const { rows, length } = packTightly(sized(...sizes))
      return [rows, length]
    }
    expect(shape(3)).to.deep.equal([1, 32])
    expect(shape(34, 29, 38, 40, 28, 38, 39, 30)).to.deep.equal([2, 160])
    // of rows that are full, the shortest: attention costs least
    expect(shape(64, 64, 64, 64)).to.deep.equal([4, 64])
    expect(shape(300)).to.deep.equal([1, 320])
    expect(shape(300, 20)).to.deep.equal([1, 320])
    expect(() => packTightly([])).to.throw(/at least one/)
  })

  it('puts weights where their labels are, and has none when no example has', () => {
    fc.assert(
      fc.property(many, fc.nat(3), (examples, every) => {
        const weights = examples.map(({ ids }, k) =>
          every > 0 && k % every === 0 ? Float32Array.from(ids, (_, i) => i / 4) : null,
        )
        const batch = packExamples(
          examples.map((e, k) => {
            const own = weights[k]
            return own ? { ...e, weights: own } : e
          }),
          24,
        )
        if (every === 0) expect(batch).to.not.have.property('weights')
        else {
          const got = examples.map((_, k) => [...(batch.weights ?? [])].filter((_, i) => batch.segments[i] === k + 1))
          expect(got).to.deep.equal(examples.map(({ ids }, k) => [...(weights[k] ?? ids.map(() => 1))]))
        }
      }),
    )
    const short = { ...example(1, 1, 2, 3), weights: new Float32Array(2) }
    expect(() => packExamples([short], 8)).to.throw(/expected 3 weights, got 2/)
  })

  it('refuses what does not fit', () => {
    expect(() => packExamples([example(0, 1, 2, 3)], 2)).to.throw(/examples\[0\]: expected 1 to 2 tokens, got 3/)
    expect(() => packExamples([example(4, 1, 2, 3)], 8)).to.throw(/prompt of 0 to 3 tokens, got 4/)
    expect(() => packExamples([], 8)).to.throw(/at least one/)
    expect(() => packExamples([example(0, 1)], 0)).to.throw(/length/)
  })
})

describe('data/batches', () => {
  const examples = Array.from({ length: 10 }, (_, k) => example(1, k + 1, k + 1, 0))
  const idsOf = (batch: PackedBatch): number[] => unpack(batch).map((e) => e.ids[0] as number)

  it('hands out every example once an epoch, in another order each epoch', () => {
    const batcher = createBatcher(examples, { batchExamples: 4, maxTokens: 64, seed: 1 })
    const stream = Array.from({ length: 5 }, () => idsOf(batcher.next())).flat()
    expect(stream).to.have.length(20)
    const sorted = (list: number[]): number[] => [...list].sort((a, b) => a - b)
    expect(sorted(stream.slice(0, 10))).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(sorted(stream.slice(10))).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(stream.slice(10)).to.not.deep.equal(stream.slice(0, 10))
  })

  it('goes on from a saved position, and follows its seed', () => {
    const options = { batchExamples: 3, maxTokens: 64, seed: 'x' }
    const first = createBatcher(examples, options)
    for (let i = 0; i < 5; i++) first.next()
    const second = createBatcher(examples, options)
    second.seek(first.position)
    expect(second.position).to.equal(15)
    expect(second.next()).to.deep.equal(first.next())
    const other = createBatcher(examples, { ...options, seed: 'y' })
    other.seek(15)
    expect(idsOf(other.next())).to.not.deep.equal(idsOf(createBatcher(examples, options).next()))
  })

  it('refuses an empty set, a wrong size and a wrong position', () => {
    expect(() => createBatcher([], { batchExamples: 1, maxTokens: 8, seed: 1 })).to.throw(/no examples/)
    expect(() => createBatcher(examples, { batchExamples: 0, maxTokens: 8, seed: 1 })).to.throw(/batchExamples/)
    expect(() => createBatcher(examples, { batchExamples: 1, maxTokens: 2, seed: 1 })).to.throw(/at most 2 tokens/)
    expect(() => createBatcher(examples, { batchExamples: 1, maxTokens: 8, seed: 1 }).seek(-1)).to.throw(/position/)
  })

  it('evaluates every example once, in order, in batches of bounded size', () => {
    fc.assert(
      fc.property(many, (all) => {
        const batches = packForEvaluation(all, 32, 64)
        expect(batches.flatMap(unpack).map((e) => e.ids)).to.deep.equal(all.map((e) => [...e.ids]))
        // 64 tokens at most, in rows that may stand half empty
        for (const batch of batches) expect(batch.rows * batch.length).to.be.at.most(2 * 64 + 32)
      }),
      { numRuns: 30 },
    )
    expect(packForEvaluation([], 32)).to.deep.equal([])
  })
})
