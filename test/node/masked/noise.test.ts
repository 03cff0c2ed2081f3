/** Masked rounds whose sums have noise: every member adds its part, and counts what it spends. */
import { expect } from 'chai'
import type { NodeEvent } from '../../../node/events.ts'
import { journalKeys } from '../../../node/keys.ts'
import { ANY_PRIVACY } from '../../../node/privacy/floor.ts'
import { decodeAdapter, maxDeltaBytes } from '../../../src/adapter/delta.ts'
import { gather } from '../../../src/adapter/encodings/encoding.ts'
import { createLayout } from '../../../src/adapter/layout.ts'
import { epsilonOf, noiseFor } from '../../../src/privacy/accounting/account.ts'
import { memberDeviation } from '../../../src/privacy/masked/noise.ts'
import type { MaskedDpSpec, TaskSpec } from '../../../src/types/spec.ts'
import { expectRejects } from '../../support/expect-error.ts'
import {
  roundsOf,
  runSimulation,
  type SimulatedPeer,
  type Simulation,
  simulationModel,
  toySpec,
} from '../../support/simulation.ts'

const ROUNDS = 2
const DP: MaskedDpSpec = {
  unit: 'node',
  epsilon: 6,
  delta: 1e-5,
  // so small that what is seen is noise
  clip: 1e-3,
  noise: 1.001 * noiseFor({ rate: 1, steps: ROUNDS }, 6, 1e-5),
  honest: 2,
}
const masked = (dp: MaskedDpSpec, cohort = 4): Partial<TaskSpec> => ({
  encoding: 'f32',
  privacy: { mode: 'masked', cohort, range: dp.clip, dp },
  scoring: { sliceExamples: 16, privateExamples: 0 },
})
const SMALL = { nodes: 6, terms: { rounds: ROUNDS, proposers: 4, voters: 2 } } as const

const eventsOf = <E extends NodeEvent['event']>(peer: SimulatedPeer, event: E) =>
  peer.events.filter((e): e is Extract<NodeEvent, { event: E }> => e.event === event)

/** (trained values) of a global adapter that a node has. */
function globalOf(peer: SimulatedPeer, round: number): Float32Array {
  const layout = createLayout(simulationModel.config, toySpec().adapter)
  const bytes = peer.disk.whole.get(peer.globals.get(round) as string) as Uint8Array
  expect(bytes.byteLength).to.equal(maxDeltaBytes(layout, 'f32'))
  return gather(layout, ['B'], decodeAdapter(bytes, layout).values)
}

describe('a masked task with noise', () => {
  let simulation: Simulation
  let lost: SimulatedPeer | undefined

  before(async function () {
    this.timeout(60_000)
    simulation = await runSimulation({ ...SMALL, seed: 'noise', spec: masked(DP) }, async (s) => {
      await s.until(() => s.chain.chain.task(s.task).round === 1, 'the round')
      const { account } = s.chain.chain.round(s.task, 1).proposers[1] as { account: string }
      lost = s.peers.find((p) => p.account === account)
      // its shares are with the others, and nothing of it is published yet
      await s.until(
        () => (lost as SimulatedPeer).events.some((e) => e.event === 'training') || roundsOf(s).length > 1,
        'its training',
      )
      lost?.kill()
    })
  })

  it('goes on though a member is lost, and all have the same sums', () => {
    const living = simulation.peers.filter((p) => p !== lost)
    for (let r = 1; r <= ROUNDS; r++)
      expect(new Set(living.map((p) => p.globals.get(r))).size, `round ${r}`).to.equal(1)
    const [first] = roundsOf(simulation)
    expect(first?.settlement?.proposers.filter((p) => p.outcome === 'included')).to.have.length(3)
  })

  it('has in its sum the noise of those whose deltas are in it', () => {
    const [peer] = simulation.peers.filter((p) => p !== lost) as [SimulatedPeer]
    // B begins at zero: the first global adapter is the mean of three
    const values = globalOf(peer, 1)
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
    const expected = memberDeviation(DP) / Math.sqrt(3)
    expect(deviation / expected).to.be.closeTo(1, 6 / Math.sqrt(2 * values.length))
    // of that, the promise counts on less
    expect(expected * 3).to.be.at.least(2 * DP.clip * DP.noise)
  })

  it('is counted by every member before it is trained', async () => {
    for (const peer of simulation.peers) {
      const receipts = eventsOf(peer, 'privacy')
      const seats = roundsOf(simulation).filter((r) => r.proposers.some((p) => p.account === peer.account)).length
      for (const [i, { epsilon }] of receipts.entries()) {
        const expected = epsilonOf([{ noise: DP.noise, rate: 1, steps: i + 1 }], DP.delta)
        expect(epsilon).to.be.closeTo(expected, 1e-9).and.below(DP.epsilon)
      }
      if (peer === lost) continue
      expect(receipts).to.have.length(seats)
      const { journal } = peer.openDisk()
      for (const { round } of receipts)
        expect(await journal.get(journalKeys.release(simulation.task, round))).to.include({ noise: DP.noise, steps: 1 })
    }
  })

  it('is declined when its noise is too little for its promise, or for its owner', async () => {
    const weak = { ...DP, noise: DP.noise / 2 }
    await expectRejects(() => runSimulation({ ...SMALL, seed: 'weak', spec: masked(weak) }), 'E_PRIVACY', /promises 6/)
    const traits = () => ({ privacy: { ...ANY_PRIVACY, maxEpsilon: 2 } })
    await expectRejects(
      () => runSimulation({ ...SMALL, seed: 'strict', spec: masked(DP), traits }),
      'E_PRIVACY',
      /--max-epsilon/,
    )
  })

  it('publishes nothing, and spends nothing, in a round whose sums could have less', async () => {
    // six are asked for and four come: a sum of three of them could be opened
    const short = await runSimulation({
      nodes: 5,
      terms: { rounds: 1, proposers: 6, voters: 1 },
      seed: 'short',
      spec: masked({ ...DP, honest: 5 }, 6),
    })
    const [round] = roundsOf(short)
    expect(round?.proposers).to.have.length(4)
    expect(round?.proposers.map((p) => p.reveal)).to.deep.equal([null, null, null, null])
    for (const peer of short.peers) {
      expect(eventsOf(peer, 'privacy')).to.deep.equal([])
      expect(eventsOf(peer, 'delta')).to.deep.equal([])
    }
    const said = short.peers.flatMap((p) => eventsOf(p, 'problem').map((e) => e.message))
    expect(said.some((message) => message.includes('counts on 5'))).to.equal(true)
  })
})
