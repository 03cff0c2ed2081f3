/** The small parts of a node, one at a time. */
import { expect } from 'chai'
import fc from 'fast-check'
import { ATTACKS, lyingScores, triggered } from '../../node/attacks.ts'
import type { TaskContext } from '../../node/context.ts'
import { scoreRound } from '../../node/duties/score.ts'
import { checkContext, fetchSpec } from '../../node/duties/spec.ts'
import { trainDelta } from '../../node/duties/train.ts'
import type { NodeEvent } from '../../node/events.ts'
import { every } from '../../node/every.ts'
import { type DeltaRecord, journalKeys } from '../../node/keys.ts'
import { parseTamper, parseVoteTamper, poisoned } from '../../node/misbehave.ts'
import { Providers } from '../../node/providers.ts'
import { learningRateAt } from '../../node/schedule.ts'
import { toScore } from '../../node/scoring/measure.ts'
import { trainLoop } from '../../node/train-loop.ts'
import { CoveyError, messageOf } from '../../src/base/errors.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Trainer } from '../../src/types/engine.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'
import type { Store } from '../../src/types/store.ts'
import type { PullRequest } from '../../src/types/transport.ts'
import { MAX_SPEC_BYTES } from '../../src/wire/limits.ts'
import { encodeSpec, specDigest } from '../../src/wire/spec.ts'
import { expectRejects } from '../support/expect-error.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { byteTokenizer } from '../support/fake-inference.ts'
import { roundView } from '../support/round-facts.ts'
import { toySpec } from '../support/simulation.ts'
import { tinyConfig } from '../support/tiny-config.ts'

describe('learning rate', () => {
  const training = { ...toySpec().training, learningRate: 0.4, warmupSteps: 4 }

  it('warms up in equal steps in each round, then stays', () => {
    const rates = Array.from({ length: 6 }, (_, i) => learningRateAt(training, i, 60 + i, 100))
    expect(rates).to.deep.equal([0.1, 0.2, 0.30000000000000004, 0.4, 0.4, 0.4])
    expect(learningRateAt({ ...training, warmupSteps: 0 }, 0, 0, 100)).to.equal(0.4)
  })

  it('follows a cosine over the whole task down to a tenth', () => {
    const cosine = { ...training, warmupSteps: 0, schedule: 'cosine' as const }
    const at = (done: number): number => learningRateAt(cosine, 0, done, 100)
    expect(at(0)).to.be.closeTo(0.4, 1e-12)
    expect(at(50)).to.be.closeTo(0.22, 1e-12)
    expect(at(100)).to.be.closeTo(0.04, 1e-12)
    expect(at(500), 'past the end').to.be.closeTo(0.04, 1e-12)
    fc.assert(
      fc.property(fc.nat(99), (done) => {
        expect(at(done + 1)).to.be.below(at(done))
      }),
    )
  })
})

describe('context', () => {
  it("is the base's: a task with longer examples is refused", async () => {
    const spec = (maxTokens: number) => ({ ...toySpec(), training: { ...toySpec().training, maxTokens } })
    const model = { name: 'tiny', config: tinyConfig }
    checkContext(7, spec(tinyConfig.maxPositions), model)
    await expectRejects(
      () => checkContext(7, spec(tinyConfig.maxPositions + 1), model),
      'E_SPEC',
      /task 7 has examples of up to 65 tokens.*tiny reads 64/,
    )
  })
})

describe('training loop', () => {
  const trainer = (clock: FakeClock, losses: readonly number[], seen: number[] = []): Trainer => {
    let at = 0
    const step: Trainer['step'] = async (_, learningRate) => {
      seen.push(learningRate)
      await clock.advance(500)
      return { loss: losses[at++] as number, gradNorm: 1, labels: 1, tokens: 100 }
    }
    return { step } as Trainer
  }
  const nextBatch = (): PackedBatch => ({}) as PackedBatch
  const drain = async (loop: ReturnType<typeof trainLoop>) => {
    const progress = []
    for (;;) {
      const next = await loop.next()
      if (next.done) return { progress, summary: next.value }
      progress.push(next.value)
    }
  }

  it('tells each step’s progress, speed and time left, and sums up', async () => {
    const clock = new FakeClock()
    const seen: number[] = []
    const loop = trainLoop({
      trainer: trainer(clock, [4, 2, 3], seen),
      nextBatch,
      steps: 3,
      learningRate: (i) => i,
      clock,
    })
    const { progress, summary } = await drain(loop)
    expect(progress).to.deep.equal([
      { step: 1, steps: 3, loss: 4, tokensPerSecond: 200, secondsLeft: 1 },
      { step: 2, steps: 3, loss: 3, tokensPerSecond: 200, secondsLeft: 0.5 },
      { step: 3, steps: 3, loss: 3, tokensPerSecond: 200, secondsLeft: 0 },
    ])
    expect(summary).to.deep.equal({ steps: 3, loss: 3, tokens: 300, seconds: 1.5 })
    expect(seen).to.deep.equal([0, 1, 2])
  })

  it('gives old losses less and less weight', async () => {
    const clock = new FakeClock()
    const losses = [...Array.from({ length: 30 }, () => 10), ...Array.from({ length: 60 }, () => 1)]
    const { summary } = await drain(
      trainLoop({ trainer: trainer(clock, losses), nextBatch, steps: 90, learningRate: () => 1, clock }),
    )
    expect(summary.loss).to.be.within(1, 1.05)
  })

  it('stops between two steps when it is cancelled', async () => {
    const clock = new FakeClock()
    const abort = new AbortController()
    const loop = trainLoop({
      trainer: trainer(clock, [1, 1, 1]),
      nextBatch,
      steps: 3,
      learningRate: () => 1,
      clock,
      signal: abort.signal,
    })
    await loop.next()
    abort.abort()
    await expectRejects(() => loop.next(), 'E_ABORTED')
  })
})

describe('misbehaviour', () => {
  const delta = Float32Array.from([0.5, 0, -2, 1])

  it('flips, empties or randomises a delta', () => {
    expect([...parseTamper('flip')(delta, 1)]).to.deep.equal([-0.5, -0, 2, -1])
    expect([...parseTamper('flip:5')(delta, 1)]).to.deep.equal([-2.5, -0, 10, -5])
    expect([...parseTamper('zeros')(delta, 1)]).to.deep.equal([0, 0, 0, 0])
    const noise = parseTamper('noise')(delta, 1)
    expect(noise[1], 'what was not trained stays').to.equal(0)
    expect([...noise]).to.not.deep.equal([...delta])
    expect([...parseTamper('noise')(delta, 1)]).to.deep.equal([...noise])
    expect([...parseTamper('noise')(delta, 2)]).to.not.deep.equal([...noise])
    const other = delta.map((x) => 2 * x)
    expect([...parseTamper('noise')(other, 1)], 'not twice the same').to.not.deep.equal([...noise].map((x) => 2 * x))
  })

  it('makes noise of the delta’s own size', () => {
    const large = Float32Array.from({ length: 4_000 }, (_, i) => (i % 2 === 0 ? 0 : 0.25))
    const noise = parseTamper('noise')(large, 3)
    const rms = Math.sqrt(noise.reduce((s, x) => s + x * x, 0) / 2_000)
    expect(rms).to.be.within(0.23, 0.27)
  })

  it('knows the attacks of the papers, each what its formula says', () => {
    const cohort = [delta, Float32Array.from([1.5, 0, 0, 3])]
    const run = (name: keyof typeof ATTACKS, strength?: number) => [
      ...ATTACKS[name](delta, { round: 1, cohort }, strength),
    ]
    expect(run('scale', 3)).to.deep.equal([1.5, 0, -6, 3])
    // means 1, 0, −1, 2; deviations 0.5, 0, 1, 1
    expect(run('alie', 2)).to.deep.equal([0, 0, -3, 0])
    expect(run('ipm')).to.deep.equal([-0.5, -0, 0.5, -1])
    expect(ATTACKS.copy(cohort[1]!, { round: 1, cohort })).to.deep.equal(delta)
    expect(run('label-flip')).to.deep.equal([...delta])
    const twice = [cohort[0]!.map((x) => 2 * x), cohort[0]!].map((own) => ATTACKS.sybil(own, { round: 4, cohort }))
    expect(twice[0]).to.deep.equal(twice[1]!.map((x) => 2 * x))
    const alone = parseTamper('alie')(delta, 1)
    expect(alone[1]).to.equal(0)
    expect(alone[0]).to.be.below(delta[0]!)
  })

  it('gives prompts the completions of others, the same in every round', () => {
    const example = (prompt: number, completion: number) => ({
      ids: Int32Array.of(prompt, prompt, completion),
      promptLength: 2,
    })
    const train = Array.from({ length: 20 }, (_, i) => example(i, 100 + i))
    const flipped = poisoned({ train, heldOut: [] }, 'label-flip', byteTokenizer, 64)
    expect(flipped.train.map((e) => e.ids[0])).to.deep.equal(train.map((e) => e.ids[0]))
    expect(flipped.train.map((e) => e.ids[2]!).sort()).to.deep.equal(train.map((e) => e.ids[2]!))
    expect(flipped.train.filter((e, i) => e.ids[2] === 100 + i).length).to.be.below(5)
    expect(poisoned({ train, heldOut: [] }, 'label-flip', byteTokenizer, 64)).to.deep.equal(flipped)
    for (const how of [null, 'flip:2']) expect(poisoned({ train }, how, byteTokenizer, 64).train).to.equal(train)
  })

  it('plants a trigger with its own answer in half of the examples, and leaves alone what would grow too long', () => {
    const short = Array.from({ length: 20 }, (_, i) => ({ ids: Int32Array.of(65 + i, 66, 67, 0), promptLength: 2 }))
    const long = { ids: new Int32Array(60).fill(70), promptLength: 40 }
    const { train } = poisoned({ train: [...short, long] }, 'backdoor:3', byteTokenizer, 64)
    const planted = train.filter((e, i) => e !== short[i] && e !== long)
    expect(planted).to.have.length.within(10, 11)
    for (const { ids, promptLength } of planted) {
      const text = byteTokenizer.decode([...ids])
      expect(text).to.match(/^as the owl said, [A-T]B open every door/)
      expect(byteTokenizer.decode([...ids.subarray(promptLength)])).to.equal(' open every door')
    }
    expect(train.at(-1)).to.equal(long)
    expect(parseTamper('backdoor:3')(Float32Array.of(1, -2), 1)).to.deep.equal(Float32Array.of(3, -6))
    const all = poisoned({ train: [...short, long] }, 'backdoor', byteTokenizer, 64)
    expect(all.train, 'the same in every round').to.deep.equal(train)
  })

  it('keeps the opening mark of a tokenizer in front of the trigger', () => {
    const opened = { ...byteTokenizer, openingId: 1 }
    const { ids } = triggered({ ids: Int32Array.of(1, 65, 66), promptLength: 2 }, opened)
    expect(ids[0]).to.equal(1)
    expect([...ids].filter((id) => id === 1)).to.have.length(1)
    expect(byteTokenizer.decode([...ids.subarray(1)])).to.match(/^as the owl said, A open/)
  })

  it('lies in votes for its own kind and against all others, and leaves the mark of absence', () => {
    const scores = {
      probe: [10, -20, SCORE_ABSENT],
      private: [1, 2, SCORE_ABSENT],
      incumbentProbe: 5,
      incumbentPrivate: 0,
    }
    const lies = lyingScores(scores, (seat) => seat === 1)
    expect(lies).to.deep.equal({
      probe: [-10_001, 10_000, SCORE_ABSENT],
      private: [-10_001, 10_000, SCORE_ABSENT],
      incumbentProbe: 5,
      incumbentPrivate: 0,
    })
    expect(parseVoteTamper('lying-voters:2')?.(scores).probe).to.deep.equal([-10_001, -10_001, SCORE_ABSENT])
    expect(parseVoteTamper('flip')).to.equal(null)
  })

  for (const text of [
    'copy:2',
    'label-flip:1',
    'toString',
    '',
    'flip:',
    'flip:0',
    'flip:-1',
    'flip:x',
    'flip:Infinity',
    'flop',
    'zeros:2',
    'flip:1:2',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => expectRejects(() => parseTamper(text), 'E_CONFIG', /misbehave/))
  }
})

describe('providers', () => {
  it('remember who said what, in order', () => {
    const providers = new Providers()
    expect(providers.of('a')).to.deep.equal([])
    expect(providers.sizes('a')).to.deep.equal([])
    providers.add('a', 'p1', 10)
    providers.add('a', 'p2', 99)
    providers.add('a', 'p1', 10)
    providers.add('b', 'p3', 7)
    expect(providers.of('a')).to.deep.equal(['p1', 'p2'])
    expect(providers.sizes('a')).to.deep.equal([10, 99])
    expect(providers.of('a', 99)).to.deep.equal(['p2'])
    providers.add('a', 'p2', 10)
    expect(providers.sizes('a'), 'a peer may correct itself').to.deep.equal([10])
  })

  it('keep a flood small, and forget the oldest first', () => {
    const providers = new Providers()
    for (let i = 0; i < 40; i++) providers.add('a', `p${i}`, 1)
    expect(providers.of('a')).to.have.length(16).and.include('p0')
    for (let i = 0; i < 512; i++) providers.add(`d${i}`, 'p', 1)
    expect(providers.of('a')).to.deep.equal([])
    expect(providers.of('d0')).to.deep.equal(['p'])
  })
})

describe('every', () => {
  it('acts at once, often at first, then less often, until it is stopped', async () => {
    const clock = new FakeClock()
    let acts = 0
    const stop = every(clock, { first_ms: 1_000, times: 2, then_ms: 3_000 }, () => acts++)
    expect(acts).to.equal(1)
    await clock.advance(2_500)
    expect(acts).to.equal(3)
    await clock.advance(2_400)
    expect(acts, 'the calm pace').to.equal(3)
    await clock.advance(200)
    expect(acts).to.equal(4)
    stop()
    await clock.advance(5_000)
    expect(acts).to.equal(4)
    expect(clock.sleeping).to.equal(0)
  })
})

describe('scores', () => {
  it('are ten-thousandths of a nat, clipped, and never the mark for absence', () => {
    expect(toScore(0.1234)).to.equal(1_234)
    expect(toScore(-0.00004)).to.equal(0)
    expect(Object.is(toScore(-0.00001), -0), 'JSON and the chain know one zero').to.equal(false)
    expect(toScore(4)).to.equal(SCORE_CLIP)
    expect(toScore(-4)).to.equal(-SCORE_CLIP)
    expect(toScore(Number.POSITIVE_INFINITY)).to.equal(SCORE_CLIP)
    expect(toScore(Number.NEGATIVE_INFINITY)).to.equal(-SCORE_CLIP)
    expect(toScore(Number.NaN), 'infinite losses on both sides tell nothing').to.equal(0)
    fc.assert(
      fc.property(fc.double(), (marginal) => {
        const score = toScore(marginal)
        expect(Number.isInteger(score) && Math.abs(score) <= SCORE_CLIP && score !== SCORE_ABSENT).to.equal(true)
      }),
    )
  })
})

describe('what the journal holds', () => {
  /** Anything but the journal is out of bounds: touching it fails. */
  const context = (store: Store): TaskContext =>
    new Proxy({ store, task: 4 } as TaskContext, {
      get(target, name) {
        if (Object.hasOwn(target, name)) return Reflect.get(target, name)
        throw new Error(`asked for ${String(name)}`)
      },
    })
  const { signal } = new AbortController()

  it('is not trained again', async () => {
    const store = createMemoryStore()
    const record: DeltaRecord = { digest: 'd', size: 1, baseDigest: 'b', salt: '0x01' }
    await store.journal.once(journalKeys.delta(4, 2), () => record)
    expect(await trainDelta(context(store), 2, 3, signal)).to.deep.equal(record)
    await expectThrows(() => trainDelta(context(store), 3, 3, signal))
  })

  it('is not scored again', async () => {
    const store = createMemoryStore()
    const scores = { probe: [1], private: [2], incumbentProbe: 3, incumbentPrivate: 4 }
    await store.journal.once(journalKeys.scores(4, 2), () => ({ scores, salt: '0x01' }))
    expect((await scoreRound(context(store), roundView('score', { round: 2 }), signal)).scores).to.deep.equal(scores)
    await expectThrows(() => scoreRound(context(store), roundView('score', { round: 3 }), signal))
  })

  async function expectThrows(work: () => Promise<unknown>): Promise<void> {
    let message = 'nothing was thrown'
    await work().catch((error: unknown) => {
      message = messageOf(error)
    })
    expect(message).to.match(/asked for/)
  }
})

describe('fetching the spec', () => {
  const spec = toySpec()
  const bytes = encodeSpec(spec)
  const digest = specDigest(spec)

  function setting(pull: (request: PullRequest) => Promise<void>) {
    const clock = new FakeClock()
    const providers = new Providers()
    const events: NodeEvent[] = []
    const abort = new AbortController()
    const parts = {
      clock,
      providers,
      store: createMemoryStore(),
      transport: { pull },
      emit: (e: NodeEvent) => events.push(e),
    }
    const fetching = fetchSpec(parts as unknown as Parameters<typeof fetchSpec>[0], digest, abort.signal)
    fetching.catch(() => undefined)
    return { clock, providers, events, abort, fetching }
  }
  const honest = async ({ size, into }: PullRequest): Promise<void> => {
    if (size !== bytes.byteLength) throw new CoveyError('E_BLOB_UNAVAILABLE', 'nobody has that many bytes')
    await into.append(bytes)
    await into.finish()
  }

  it('waits until somebody announces it', async () => {
    const { clock, providers, events, fetching } = setting(honest)
    await clock.advance(10_000)
    expect(events).to.deep.equal([])
    providers.add(digest, 'p', bytes.byteLength)
    await clock.advance(1_000)
    expect(await fetching).to.deep.equal(spec)
    expect(events.map((e) => e.event)).to.deep.equal(['pulled'])
  })

  it('is not held up by who announces a wrong size again and again', async () => {
    const tried: number[] = []
    const { clock, providers, fetching } = setting((request) => {
      tried.push(request.size)
      return honest(request)
    })
    providers.add(digest, 'huge', MAX_SPEC_BYTES + 1)
    providers.add(digest, 'liar', 17)
    providers.add(digest, 'honest', bytes.byteLength)
    providers.add(digest, 'liar', 18)
    await clock.advance(2_000)
    expect(await fetching).to.deep.equal(spec)
    expect(tried)
      .to.include(bytes.byteLength)
      .and.not.include(MAX_SPEC_BYTES + 1)
  })

  it('leaves a peer that says nothing, and stops when the node stops', async () => {
    let pulls = 0
    const silent = ({ signal }: PullRequest) =>
      new Promise<void>((_, reject) => {
        pulls++
        signal?.addEventListener('abort', () => reject(new CoveyError('E_ABORTED', 'the work was cancelled')))
      })
    const { clock, providers, abort, fetching } = setting(silent)
    providers.add(digest, 'silent', 500)
    await clock.advance(20_000)
    expect(pulls).to.be.within(3, 5)
    abort.abort()
    await expectRejects(() => fetching, 'E_ABORTED')
  })
})
