import { expect } from 'chai'
import { quickstartOptions } from '../../../../cli/cmds/quickstart/options.ts'
import { quickstartSpec, type SpecChoices } from '../../../../cli/cmds/quickstart/spec.ts'
import { createRandomModel } from '../../../../src/model/random.ts'
import { expectRejects } from '../../../support/expect-error.ts'
import { tinyConfig } from '../../../support/tiny-config.ts'

const model = createRandomModel(tinyConfig, 1)
const fallback = (name: keyof typeof quickstartOptions) => quickstartOptions[name].fallback
const given = Object.fromEntries(
  (Object.keys(quickstartOptions) as (keyof typeof quickstartOptions)[]).map((name) => [name, fallback(name)]),
)
const choices = (change: Partial<SpecChoices> = {}): SpecChoices =>
  ({
    ...given,
    rule: fallback('aggregate'),
    encoding: fallback('encode'),
    sliceExamples: fallback('slice'),
    ...change,
  }) as SpecChoices
const specOf = (change?: Partial<SpecChoices>) =>
  quickstartSpec(choices(change), model, { prompt: 'Say {text}:', completion: ' {answer}' })

describe("a quickstart's spec", () => {
  it('is open and has a veto unless something else is asked for', () => {
    const { privacy, scoring } = specOf()
    expect(privacy).to.deep.equal({ mode: 'open' })
    expect(scoring.privateExamples).to.be.above(0)
  })

  it('--dp: has noise, and nothing private is measured without any', () => {
    const { privacy, scoring } = specOf({ dp: 8, dpUnit: 'node', dpClip: 0.5 })
    expect(privacy).to.deep.equal({ mode: 'open', dp: { unit: 'node', epsilon: 8, delta: 1e-5, clip: 0.5 } })
    expect(scoring.privateExamples).to.equal(0)
  })

  it('is checked before anything starts', async () => {
    await expectRejects(() => specOf({ dp: 8, encoding: 'topk-10' }), 'E_SPEC', /privacy\.dp/)
    await expectRejects(() => specOf({ robust: ['median'], rule: 'factor-mean' }), 'E_ARGUMENT')
  })
})
