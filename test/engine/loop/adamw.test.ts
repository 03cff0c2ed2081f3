import { expect } from 'chai'
import fc from 'fast-check'
import { adamW, globalNorm } from '../../../src/engine/loop/adamw.ts'
import { distance, randomVector } from '../../support/engine-fixtures.ts'

describe('AdamW', () => {
  it('does what the paper says, against a readable reference in float64', () => {
    const c = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 0 }
    const n = 10
    const spans = [
      { offset: 0, size: 4, decays: true },
      { offset: 4, size: 2, decays: false },
      { offset: 8, size: 2, decays: true },
    ]
    const theta = randomVector(n, 1, 1)
    const state = { step: 0, m: new Float32Array(n), v: new Float32Array(n) }
    const reference = [...theta]
    const [m, v] = [Array(n).fill(0), Array(n).fill(0)]
    for (let t = 1; t <= 5; t++) {
      const gradient = randomVector(n, 1, 10 + t)
      adamW(theta, gradient, state, spans, c, 0.01, 0.5)
      for (const { offset, size, decays } of spans) {
        for (let i = offset; i < offset + size; i++) {
          const g = 0.5 * (gradient[i] as number)
          m[i] = c.beta1 * m[i] + (1 - c.beta1) * g
          v[i] = c.beta2 * v[i] + (1 - c.beta2) * g * g
          const mHat = m[i] / (1 - c.beta1 ** t)
          const vHat = v[i] / (1 - c.beta2 ** t)
          const decayed = (reference[i] as number) * (1 - (decays ? 0.01 * c.weightDecay : 0))
          reference[i] = decayed - (0.01 * mHat) / (Math.sqrt(vHat) + c.epsilon)
        }
      }
    }
    expect(state.step).to.equal(5)
    expect(distance(theta, reference)).to.be.below(1e-6)
    const untouched = randomVector(n, 1, 1)
    expect([theta[6], theta[7]]).to.deep.equal([untouched[6], untouched[7]])
  })

  it('measures the norm of the spans only, and shows what is not finite', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 4, maxLength: 40, noNaN: true, min: -1e3, max: 1e3 }), (values) => {
        const spans = [
          { offset: 0, size: 2, decays: true },
          { offset: 3, size: values.length - 3, decays: true },
        ]
        const expected = Math.hypot(...values.filter((_, i) => i !== 2))
        expect(globalNorm(values, spans)).to.be.closeTo(expected, 1e-9 * Math.max(1, expected))
        values[2] = Number.NaN
        expect(globalNorm(values, spans)).to.be.finite
        values[3] = Number.POSITIVE_INFINITY
        expect(globalNorm(values, spans)).to.not.be.finite
      }),
    )
  })
})
