/** Each flag about a task lands in the spec that the task is bound by, or in the plan of who misbehaves. */
import { expect } from 'chai'
import { planOf } from '../../../../cli/cmds/quickstart/handler.ts'
import { quickstart } from '../../../../cli/cmds/quickstart/index.ts'
import { withMasks } from '../../../../cli/cmds/quickstart/masked.ts'
import type { quickstartOptions } from '../../../../cli/cmds/quickstart/options.ts'
import type { QuickstartOptions } from '../../../../cli/cmds/quickstart/plan.ts'
import { quickstartSpec } from '../../../../cli/cmds/quickstart/spec.ts'
import type { OptionValues } from '../../../../cli/command.ts'
import { buildProgram } from '../../../../cli/program.ts'
import { createRandomModel } from '../../../../src/model/random.ts'
import { epsilonOf } from '../../../../src/privacy/accounting/account.ts'
import type { TaskSpec } from '../../../../src/types/spec.ts'
import { decodeSpec, encodeSpec } from '../../../../src/wire/spec.ts'
import { expectRejects } from '../../../support/expect-error.ts'
import { tinyConfig } from '../../../support/tiny-config.ts'

const model = createRandomModel(tinyConfig, 1)

async function typed(line: string): Promise<{ readonly plan: QuickstartOptions; readonly spec: TaskSpec }> {
  let plan: QuickstartOptions | undefined
  const program = buildProgram([quickstart], '0', async (_command, options) => {
    plan = planOf(options as OptionValues<typeof quickstartOptions>, { model: 'm', dir: 'd', json: false })
  })
  await program.parseAsync(['quickstart', ...line.split(' ').filter((word) => word !== '')], { from: 'user' })
  if (plan === undefined) throw new Error('the command was not run')
  const spec = withMasks(quickstartSpec(plan, model, { prompt: null, completion: null }), plan)
  // as others read it
  return { plan, spec: decodeSpec(encodeSpec(spec)) }
}

describe("a quickstart's flags", () => {
  it('--aggregate is the rule of aggregation', async () => {
    for (const rule of ['frozen-a', 'alternating', 'stacked-svd', 'factor-mean'])
      expect((await typed(`--aggregate ${rule}`)).spec.aggregation.rule).to.equal(rule)
  })

  it('--robust is the chain in front of it', async () => {
    expect((await typed('--robust clip,multi-krum')).spec.aggregation.robust).to.deep.equal(['clip', 'multi-krum'])
    expect((await typed('')).spec.aggregation).to.not.have.property('robust')
  })

  it('--encode is how deltas travel', async () => {
    for (const encoding of ['f32', 'int4', 'sign', 'topk-20', 'rank-2', 'klt-100'])
      expect((await typed(`--encode ${encoding}`)).spec.encoding).to.equal(encoding)
    for (const [flags, usual] of [
      ['', 'int8'],
      ['--dp 8', 'int8'],
      ['--ranks 8,4', 'int8'],
      ['--masked --proposers 4', 'f32'],
    ] as const)
      expect((await typed(flags)).spec.encoding, flags).to.equal(usual)
  })

  it('--outer is the step behind the rule, with its own usual rate', async () => {
    const usual = (await typed('--outer yogi')).spec.aggregation
    expect(usual.outer).to.deep.equal({ step: 'yogi', beta1: 0.5, beta2: 0.99, tau: 0.01 })
    expect(usual.outerRate).to.be.below(1)
    expect(usual.outerMomentum).to.equal(0)
    const told = '--outer adam --outer-rate 0.2 --outer-beta1 0.9 --outer-beta2 0.999 --outer-tau 0.001'
    expect((await typed(told)).spec.aggregation).to.deep.include({
      outerRate: 0.2,
      outer: { step: 'adam', beta1: 0.9, beta2: 0.999, tau: 0.001 },
    })
    expect((await typed('')).spec.aggregation).to.deep.equal({ rule: 'frozen-a', outerRate: 1, outerMomentum: 0.3 })
    await expectRejects(() => typed('--outer adam --aggregate stacked-svd'), 'E_SPEC', /aggregation\.outer/)
  })

  it('--ranks lets nodes train fewer directions; --residual leaves some to what means lack', async () => {
    const { spec, plan } = await typed('--ranks 32,8')
    expect(spec.aggregation.ranks).to.equal('mixed')
    expect(plan.ranks).to.deep.equal([32, 8])
    const residual = async (line: string) =>
      (await typed(`--aggregate residual-svd ${line}`)).spec.aggregation.residualRank
    expect([await residual('--rank 12'), await residual('--residual 5')]).to.deep.equal([6, 5])
    await expectRejects(() => typed('--ranks 8 --encode topk-10'), 'E_SPEC', /aggregation\.ranks/)
  })

  it('--proximal is FedProx, and nothing where it is not given', async () => {
    expect((await typed('--proximal 0.05')).spec.training.proximal).to.equal(0.05)
    for (const line of ['', '--proximal 0']) expect((await typed(line)).spec.training).to.not.have.property('proximal')
  })

  it('--dp is the budget of the task', async () => {
    const dp = { unit: 'node', epsilon: 8, delta: 1e-5, clip: 0.5 }
    expect((await typed('--dp 8 --dp-unit node --dp-clip 0.5')).spec.privacy).to.deep.equal({ mode: 'open', dp })
  })

  it('--masked hides single deltas among --cohort members', async () => {
    const { privacy, encoding } = (await typed('--masked --cohort 3')).spec
    expect(privacy).to.deep.equal({ mode: 'masked', cohort: 3, range: 1 })
    expect(encoding).to.equal('f32')
    await expectRejects(() => typed('--masked --proposers 2'), 'E_ARGUMENT', /at least 3/)
  })

  it('--masked --dp is noise inside of a cohort, enough for all rounds without those that may be lost or collude', async () => {
    const { spec, plan } = await typed('--masked --cohort 6 --proposers 7 --dp 8 --dp-clip 0.5 --rounds 5')
    if (spec.privacy.mode !== 'masked' || spec.privacy.dp === undefined) return expect.fail('it has none')
    const { noise, ...rest } = spec.privacy.dp
    // five of six are needed, two may work together
    expect(rest).to.deep.equal({ unit: 'node', epsilon: 8, delta: 1e-5, clip: 0.5, honest: 3 })
    const spent = epsilonOf([{ noise, rate: 1, steps: plan.rounds }], 1e-5)
    expect(spent).to.be.at.most(8).and.above(7.9)
    expect([spec.privacy.range, spec.scoring.privateExamples, spec.encoding]).to.deep.equal([0.5, 0, 'f32'])
    await expectRejects(() => typed('--masked --dp 8 --dp-unit example'), 'E_ARGUMENT', /--dp-unit node/)
    await expectRejects(() => typed('--masked --dp 8 --cohort 6 --proposers 4'), 'E_ARGUMENT', /--cohort/)
  })

  it('--liar and --attack are about nodes, and in no spec', async () => {
    const { plan, spec } = await typed('--liar 2 --attack alie')
    expect(plan).to.include({ liar: 2, attack: 'alie' })
    expect(spec).to.deep.equal((await typed('')).spec)
  })
})
