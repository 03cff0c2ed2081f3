import { expect } from 'chai'
import fc from 'fast-check'
import { isCoveyError } from '../../../src/base/errors.ts'
import {
  checkSoftLabels,
  sliceSoftLabels,
  softLabels,
  softmaxRows,
  someSoftLabels,
} from '../../../src/engine/loop/soft-labels.ts'
import type { SoftLabels } from '../../../src/types/data.ts'
import { probabilities } from '../../support/mixed-loss.ts'

/** (rows, answers) logits, some of them equal */
const table = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 40 })).chain(([rows, answers]) =>
  fc.record({
    rows: fc.constant(rows),
    answers: fc.constant(answers),
    width: fc.integer({ min: 1, max: 50 }),
    logits: fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.float({ min: -30, max: 30, noNaN: true })), {
      minLength: rows * answers,
      maxLength: rows * answers,
    }),
  }),
)

const rowsOf = (x: Float32Array, width: number): Float32Array[] =>
  Array.from({ length: x.length / width }, (_, r) => x.subarray(r * width, (r + 1) * width))

describe('soft labels', () => {
  it('are the likeliest tokens of each place, once each, and the rest is what is left', () => {
    fc.assert(
      fc.property(table, ({ rows, answers, width, logits }) => {
        const p = softmaxRows(Float32Array.from(logits), answers, 2)
        const soft = softLabels(p, answers, width)
        expect(soft.width).to.equal(Math.min(width, answers))
        checkSoftLabels(soft, rows, answers)
        for (const [r, row] of rowsOf(p, answers).entries()) {
          const ids = [...soft.ids.subarray(r * soft.width, (r + 1) * soft.width)]
          const sorted = [...row.keys()].sort((a, b) => (row[b] as number) - (row[a] as number) || a - b)
          expect(ids).to.deep.equal(sorted.slice(0, soft.width).sort((a, b) => a - b))
          expect([...soft.probabilities.subarray(r * soft.width, (r + 1) * soft.width)]).to.deep.equal(
            ids.map((id) => row[id]),
          )
          const left = sorted.slice(soft.width).reduce((n, id) => n + (row[id] as number), 0)
          expect(soft.rest[r]).to.be.closeTo(left, 1e-6)
        }
      }),
    )
  })

  it('come from a softmax that agrees with float64, and does not overflow', () => {
    fc.assert(
      fc.property(table, fc.constantFrom(0.5, 1, 4), ({ answers, logits }, temperature) => {
        const values = Float32Array.from(logits, (x) => x * 100)
        const expected = rowsOf(values, answers).flatMap((row) => [...probabilities(row, temperature)])
        const got = softmaxRows(values.slice(), answers, temperature)
        for (const [i, x] of expected.entries()) expect(got[i]).to.be.closeTo(x, 1e-6)
      }),
    )
  })

  it('count what lies beyond the student as rest', () => {
    const soft = softLabels(Float32Array.of(0.5, 0.2, 0.1), 3, 2, Float64Array.of(0.2))
    expect([...soft.ids]).to.deep.equal([0, 1])
    expect(soft.rest[0]).to.be.closeTo(0.3, 1e-7)
    checkSoftLabels(soft, 1, 3)
  })

  it('can be cut by place', () => {
    fc.assert(
      fc.property(table, fc.nat(5), fc.nat(5), ({ rows, answers, width, logits }, a, b) => {
        const soft = softLabels(softmaxRows(Float32Array.from(logits), answers, 1), answers, width)
        const [from, to] = [Math.min(a, b, rows), Math.min(Math.max(a, b), rows)]
        const cut = sliceSoftLabels(soft, from, to)
        const picked = someSoftLabels(soft, (i) => i >= from && i < to)
        expect(cut.rest).to.have.length(to - from)
        for (const name of ['ids', 'probabilities', 'rest'] as const)
          expect([...cut[name]]).to.deep.equal([...picked[name]])
      }),
    )
  })

  const two: SoftLabels = {
    width: 2,
    ids: Int32Array.of(3, 1, 0, 2),
    probabilities: Float32Array.of(0.5, 0.25, 0.5, 0.5),
    rest: Float32Array.of(0.25, 0),
  }
  for (const [what, change, message] of [
    ['a token out of range', { ids: Int32Array.of(3, 4, 0, 2) }, /token 4/],
    ['a negative token', { ids: Int32Array.of(3, -1, 0, 2) }, /token -1/],
    ['a token that comes twice', { ids: Int32Array.of(3, 1, 2, 2) }, /twice at place 1/],
    ['too few tokens', { ids: Int32Array.of(3, 1, 0) }, /expected 4/],
    ['too few rests', { rest: Float32Array.of(0) }, /expected 2/],
    ['no tokens', { width: 0 }, /1 to 4/],
    ['more tokens than there are', { width: 5 }, /1 to 4/],
    ['a negative probability', { probabilities: Float32Array.of(0.5, -0.25, 0.5, 0.5) }, /-0.25/],
    ['no number', { probabilities: Float32Array.of(0.5, Number.NaN, 0.5, 0.5) }, /NaN/],
    ['a rest that is no number', { rest: Float32Array.of(Number.NaN, 0) }, /rest NaN/],
    ['another sum than 1', { rest: Float32Array.of(0.5, 0) }, /sum of 1/],
  ] as const) {
    it(`are refused with ${what}`, () => {
      checkSoftLabels(two, 2, 4)
      expect(() => checkSoftLabels({ ...two, ...change }, 2, 4))
        .to.throw(message)
        .and.satisfy((e: unknown) => isCoveyError(e, 'E_ARGUMENT'))
    })
  }
})
