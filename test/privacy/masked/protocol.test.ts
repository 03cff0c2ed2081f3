/** The whole protocol of one cohort: drops, liars, replays, and what the transcript says of one delta. */
import { expect } from 'chai'
import fc from 'fast-check'
import { bytesToHex } from '../../../src/base/bytes.ts'
import { isCoveyError } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { thresholdOf } from '../../../src/privacy/masked/cohort.ts'
import { encodeFixed, meanOfSum } from '../../../src/privacy/masked/fixed-point.ts'
import { memberSecrets, pairSeed, selfSeed } from '../../../src/privacy/masked/keys.ts'
import { addMask, signOf } from '../../../src/privacy/masked/mask.ts'
import type { Survivors } from '../../../src/privacy/masked/masked-delta.ts'
import { createMember, maskDelta, step } from '../../../src/privacy/masked/member.ts'
import {
  decodeMessage,
  encodeMessage,
  type KeysBody,
  type MaskedMessage,
  type SharesBody,
  type UnmaskBody,
} from '../../../src/privacy/masked/messages.ts'
import { checkOpenings, openCohort } from '../../../src/privacy/masked/open.ts'
import { isShare } from '../../../src/privacy/masked/shares.ts'
import { emptyTranscript, receive, receiveNamed } from '../../../src/privacy/masked/transcript.ts'
import {
  type CohortRun,
  cohortOf,
  type Drop,
  identity,
  plainSum,
  runCohort,
  secretOf,
  signMessage,
} from '../../support/masked-cohort.ts'

const VALUES = 5

function deltasOf(n: number, seed: string, values = VALUES): Float32Array[] {
  const random = seededRandom(seed)
  return Array.from({ length: n }, () => Float32Array.from({ length: values }, () => 2 * random.next() - 1))
}

/** The code with which it is refused. */
function codeOf(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    if (isCoveyError(error)) return error.code
    throw error
  }
}

function opened(run: CohortRun): string | null {
  return codeOf(() => run.open())
}

/** What a member dealt, as the transcript has it. */
function dealtBy(run: CohortRun, member: number): SharesBody {
  const message = run.transcript.shares[member]
  if (!message) throw new Error(`member ${member} dealt nothing`)
  return message.body
}

describe('a masked cohort', () => {
  it('opens to the exact sum when nobody drops out', () => {
    const deltas = deltasOf(4, 'all')
    const run = runCohort(cohortOf(4), deltas)
    expect(run.survivors?.members).to.deep.equal([0, 1, 2, 3])
    expect(run.open()).to.deep.equal(plainSum(run, deltas))
    const mean = meanOfSum(run.open(), 4, run.fixed)
    mean.forEach((x, i) => {
      const exact = deltas.reduce((sum, d) => sum + (d[i] as number), 0) / 4
      expect(x).to.be.closeTo(exact, 2 / run.fixed.scale + 1e-7)
    })
  })

  it('opens to the exact sum of the survivors, whoever drops out and whenever, up to the threshold', () => {
    const drop = fc.constantFrom<Drop>('keys', 'shares', 'delta', 'unmask')
    const plan = fc.integer({ min: 3, max: 5 }).chain((n) =>
      fc.record({
        n: fc.constant(n),
        order: fc.shuffledSubarray(
          Array.from({ length: n }, (_, i) => i),
          { minLength: 0, maxLength: n - thresholdOf(n) },
        ),
        drops: fc.array(drop, { minLength: n, maxLength: n }),
        seed: fc.nat(),
      }),
    )
    fc.assert(
      fc.property(plan, ({ n, order, drops, seed }) => {
        const deltas = deltasOf(n, String(seed))
        const run = runCohort(cohortOf(n), deltas, { drops: new Map(order.map((i) => [i, drops[i] as Drop])) })
        const gone = order.filter((i) => drops[i] !== 'unmask')
        expect(run.survivors?.members).to.deep.equal(deltas.flatMap((_, i) => (gone.includes(i) ? [] : [i])))
        expect(run.open()).to.deep.equal(plainSum(run, deltas))
      }),
      { numRuns: 8 },
    )
  })

  it('with more drops ends in E_COHORT, or nobody may open it', () => {
    for (const drop of ['keys', 'shares', 'delta', 'unmask'] as const) {
      const run = runCohort(cohortOf(4), deltasOf(4, drop), {
        drops: new Map([
          [0, drop],
          [2, drop],
        ]),
      })
      if (drop === 'unmask') expect(opened(run), drop).to.equal('E_COHORT')
      else {
        expect(run.survivors, drop).to.equal(null)
        expect(run.transcript.unmasks.every((m) => m === null)).to.equal(true)
        if (drop !== 'delta') expect(run.published).to.deep.equal([])
      }
    }
  })

  it('on the sparse graph gives the same sums, and a member’s neighbours open what it leaves', () => {
    const n = 9
    const cohort = cohortOf(n, { neighbours: 4 })
    const deltas = deltasOf(n, 'sparse')
    const run = runCohort(cohort, deltas, { drops: new Map<number, Drop>([[3, 'delta']]) })
    expect(run.survivors?.members).to.deep.equal([0, 1, 2, 4, 5, 6, 7, 8])
    expect(run.open()).to.deep.equal(plainSum(run, deltas))
    const boxes = dealtBy(run, 0).boxes.flatMap((box, i) => (box === null ? [] : [i]))
    expect(boxes).to.deep.equal(cohort.graph[0])
  })

  it('never has both secrets of a member opened by one holder, whatever it is asked', () => {
    const run = runCohort(cohortOf(4), deltasOf(4, 'both'), { drops: new Map([[1, 'delta']]) })
    for (const message of run.transcript.unmasks) {
      if (message === null) continue
      const { shares, from } = message.body
      shares.forEach((share, dealer) => {
        if (share === null) return
        const { self, pair } = dealtBy(run, dealer)
        expect(isShare({ holder: from, share }, dealer === 1 ? pair : self)).to.equal(true)
        expect(isShare({ holder: from, share }, dealer === 1 ? self : pair)).to.equal(false)
      })
    }
    // a node that has answered says nothing more: not for another set of survivors either
    const [state] = run.states
    const other: Survivors = { ...(run.survivors as Survivors), members: [1, 2, 3] }
    expect(step(state as never, { kind: 'revealed', survivors: other }).out).to.deep.equal([])
  })

  it('refuses to help to open fewer members than the threshold', () => {
    const run = runCohort(cohortOf(4), deltasOf(4, 'few'), { lost: () => false })
    const fresh = { ...run.states[0]!, transcript: { ...run.states[0]!.transcript, unmasks: [null, null, null, null] } }
    const { state, out } = step(fresh, {
      kind: 'revealed',
      survivors: { ...(run.survivors as Survivors), members: [0, 1] },
    })
    expect(out).to.deep.equal([])
    expect(state.failure).to.contain('3 are needed')
  })

  it('says nothing of one delta: whatever else two members had trained, there are masks that publish the same', () => {
    const n = 4
    const cohort = cohortOf(n)
    const run = runCohort(cohort, deltasOf(n, 'secret', 3))
    const words = run.published.map((p) => p.words)
    const openings = openCohort(cohort, run.survivors as Survivors, run.transcript)
    // what a stranger can take away: the self masks
    const seen = words.map((w, i) => {
      const left = w.slice()
      addMask(left, selfSeed(openings[i] as Uint8Array, cohort.digest), -1)
      return left
    })
    const trained = deltasOf(n, 'secret', 3).map((delta) => encodeFixed(delta, run.fixed))
    const secrets = trained.map((_, i) => memberSecrets(secretOf(`root ${i}`)))
    const real = secrets.map((own) =>
      secrets.map((theirs) => {
        const mask = new Uint32Array(3)
        if (own !== theirs) addMask(mask, pairSeed(own.pair, theirs.pairPublic, cohort.digest), 1)
        return mask
      }),
    )
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 3, maxLength: 3 }),
        fc.nat(n - 1),
        fc.nat(n - 2),
        (shift, a, k) => {
          const b = k >= a ? k + 1 : k
          // another world: member a trained something else by `shift`, member b the opposite; only the mask between them differs
          const codes = trained.map((c) => c.slice())
          for (let v = 0; v < 3; v++) {
            codes[a]![v]! += shift[v] as number
            codes[b]![v]! -= shift[v] as number
          }
          const masks = (i: number, j: number): Uint32Array => {
            const mask = ((real[i] as readonly Uint32Array[])[j] as Uint32Array).slice()
            // one-time pad: every mask is as likely as every other
            if (Math.min(i, j) === Math.min(a, b) && Math.max(i, j) === Math.max(a, b))
              for (let v = 0; v < 3; v++) mask[v]! -= signOf(a, b) * (shift[v] as number)
            return mask
          }
          for (let i = 0; i < n; i++) {
            const published = (codes[i] as Uint32Array).slice()
            for (let j = 0; j < n; j++) {
              if (j === i) continue
              const mask = masks(i, j)
              for (let v = 0; v < 3; v++) published[v]! += signOf(i, j) * (mask[v] as number)
            }
            expect(published, `member ${i}`).to.deep.equal(seen[i])
          }
        },
      ),
      { numRuns: 20 },
    )
  })

  it('keeps a dropped member’s delta hidden: its pairwise key is open, its self mask is not', () => {
    // published late, or with another roster: the words are there, but it does not count
    const deltas = deltasOf(4, 'late')
    const run = runCohort(cohortOf(4), deltas, { drops: new Map([[2, 'delta']]) })
    const late = maskDelta(run.states[2]!, encodeFixed(deltas[2] as Float32Array, run.fixed))
    const openings = openCohort(run.cohort, run.survivors as Survivors, run.transcript)
    for (let j = 0; j < 4; j++) {
      if (j === 2) continue
      const theirs = memberSecrets(secretOf(`root ${j}`)).pairPublic
      addMask(late, pairSeed(openings[2] as Uint8Array, theirs, run.cohort.digest), signOf(2, j) === 1 ? -1 : 1)
    }
    const expected = encodeFixed(deltas[2] as Float32Array, run.fixed)
    addMask(expected, selfSeed(memberSecrets(secretOf('root 2')).self, run.cohort.digest), 1)
    expect(late, 'what is left is the codes under the self mask').to.deep.equal(expected)
    const holders = run.transcript.unmasks.flatMap((m) => (m === null ? [] : [m.body]))
    const { self } = dealtBy(run, 2)
    for (const { from, shares } of holders)
      expect(isShare({ holder: from, share: shares[2] as Uint8Array }, self)).to.equal(false)
  })

  it('opens in spite of a member that gives wrong shares, and names nobody else', () => {
    const deltas = deltasOf(4, 'wrong share')
    const run = runCohort(cohortOf(4), deltas, {
      tamper: (body) =>
        body.kind === 'unmask' && body.from === 0
          ? [
              {
                ...body,
                shares: body.shares.map((s) => s && secretOf('not a share').map((b, i) => (i === 31 ? 0 : b))),
              },
            ]
          : [body],
    })
    expect(run.open()).to.deep.equal(plainSum(run, deltas))
  })

  it('fails closed when a dealer’s shares are rubbish and it drops out, naming it', () => {
    const run = runCohort(cohortOf(4), deltasOf(4, 'dealer'), {
      drops: new Map([[1, 'delta']]),
      tamper: (body) =>
        body.kind === 'shares' && body.from === 1
          ? [{ ...body, boxes: body.boxes.map((b) => b && new Uint8Array(b.length)) }]
          : [body],
    })
    try {
      run.open()
      expect.fail('opened')
    } catch (error) {
      if (!isCoveyError(error, 'E_COHORT')) throw error
      expect(error.data.members).to.deep.equal([1])
    }
  })

  it('never sums masked deltas whose members saw different keys', () => {
    // member 0 signs two keys; member 3 hears of the second only
    const deltas = deltasOf(4, 'two faces')
    const other = memberSecrets(secretOf('second face'))
    const run = runCohort(cohortOf(4), deltas, {
      tamper: (body) =>
        body.kind === 'keys' && body.from === 0
          ? [body, { ...body, seal: other.sealPublic, pair: other.pairPublic }]
          : [body],
      lost: (body, to) =>
        body.kind === 'keys' &&
        body.from === 0 &&
        (to === 3) !== (bytesToHex(body.pair) === bytesToHex(other.pairPublic)),
    })
    expect(run.survivors?.members ?? []).to.not.include(3)
    if (run.survivors !== null) expect(run.open()).to.deep.equal(plainSum(run, deltas))
  })

  it('leaves out a member that is seen with two faces in time', () => {
    const deltas = deltasOf(4, 'seen')
    const other = memberSecrets(secretOf('second face'))
    const run = runCohort(cohortOf(4), deltas, {
      tamper: (body) =>
        body.kind === 'keys' && body.from === 0
          ? [body, { ...body, seal: other.sealPublic, pair: other.pairPublic }]
          : [body],
    })
    expect(run.transcript.twoFaced).to.deep.equal([0])
    expect(run.survivors?.members ?? []).to.not.include(0)
  })

  it('keeps what the roster names, however many faces its member has shown', () => {
    const run = runCohort(cohortOf(4), deltasOf(4, 'faces'))
    let transcript = emptyTranscript(run.cohort)
    for (let face = 0; face < 5; face++) {
      const { sealPublic, pairPublic } = memberSecrets(secretOf(`face ${face}`))
      const body = { ...(run.transcript.keys[0] as MaskedMessage<KeysBody>).body, seal: sealPublic, pair: pairPublic }
      transcript = receive(transcript, signMessage(run.cohort, body))
    }
    expect(transcript.all.size, 'a stranger’s room is small').to.equal(3)
    for (const message of run.transcript.all.values()) transcript = receiveNamed(transcript, message)
    const openings = openCohort(run.cohort, run.survivors as Survivors, run.transcript)
    checkOpenings(run.survivors as Survivors, transcript, openings)
  })

  it('takes a member that left the grid for a cheat', () => {
    const run = runCohort(cohortOf(3), deltasOf(3, 'overflow'))
    expect(codeOf(() => meanOfSum(Uint32Array.of(3 * run.fixed.limit + 1), 3, run.fixed))).to.equal('E_COHORT')
    expect(codeOf(() => meanOfSum(Uint32Array.of(-3 * run.fixed.limit - 1), 3, run.fixed))).to.equal('E_COHORT')
    expect([...meanOfSum(Uint32Array.of(3 * run.fixed.limit), 3, run.fixed)]).to.deep.equal([
      Math.fround(run.fixed.limit / run.fixed.scale),
    ])
  })

  it('takes openings from a stranger only when they are what was committed to', () => {
    const run = runCohort(cohortOf(4), deltasOf(4, 'stranger'), { drops: new Map([[3, 'delta']]) })
    const survivors = run.survivors as Survivors
    const openings = openCohort(run.cohort, survivors, run.transcript)
    checkOpenings(survivors, run.transcript, openings)
    for (const i of [0, 3]) {
      const wrong = openings.map((o, j) =>
        i === j && o !== null ? secretOf('x').map((b, k) => (k === 31 ? 0 : b)) : o,
      )
      expect(codeOf(() => checkOpenings(survivors, run.transcript, wrong))).to.equal('E_COHORT')
      const none = openings.map((o, j) => (i === j ? null : o))
      expect(codeOf(() => checkOpenings(survivors, run.transcript, none))).to.equal('E_COHORT')
    }
  })

  it('after a restart says the same again', () => {
    const run = runCohort(cohortOf(4), deltasOf(4, 'again'))
    const { cohort, transcript } = run
    let state = createMember(cohort, 2, secretOf('root 2'))
    const first = step(state, { kind: 'begin' }).out[0]
    expect(signMessage(cohort, first as UnmaskBody).digest).to.equal(transcript.keys[2]?.digest)
    for (const message of transcript.keys) state = step(state, { kind: 'message', message: message! }).state
    expect(signMessage(cohort, step(state, { kind: 'begin' }).out[0] as UnmaskBody).digest).to.equal(
      transcript.shares[2]?.digest,
    )
  })
})

describe('a message of a cohort', () => {
  const cohort = cohortOf(4)
  const run = runCohort(cohort, deltasOf(4, 'messages'))
  const messages = [run.transcript.keys[1]!, run.transcript.shares[1]!, run.transcript.unmasks[1]!]

  it('comes back as it went', () => {
    for (const m of messages) expect(decodeMessage(m.bytes, cohort)).to.deep.equal(m)
  })

  it('of another round, task, chain, cohort, spec or company is refused', () => {
    const others = [{ round: 2 }, { task: 2 }, { chainId: 1 }, { cohort: 1 }, { specDigest: 'ef'.repeat(32) }]
    for (const change of others) {
      const other = cohortOf(4, change)
      for (const m of messages) expect(codeOf(() => decodeMessage(m.bytes, other))).to.equal('E_WIRE')
    }
    const [first, ...rest] = identity(4).members
    const swapped = cohortOf(4, { members: [...rest, first!] })
    for (const m of messages) expect(codeOf(() => decodeMessage(m.bytes, swapped))).to.equal('E_WIRE')
  })

  it('signed by another peer is refused', () => {
    for (const { body } of messages)
      expect(codeOf(() => signMessage(cohort, body, secretOf('peer 0')))).to.equal('E_WIRE')
  })

  it('with any byte changed is refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...messages), fc.nat(), fc.integer({ min: 1, max: 255 }), (m, at, change) => {
        const bytes = m.bytes.slice()
        bytes[at % bytes.length]! ^= change
        expect(codeOf(() => decodeMessage(bytes, cohort))).to.equal('E_WIRE')
      }),
      { numRuns: 60 },
    )
  })

  it('of random bytes is E_WIRE and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(codeOf(() => decodeMessage(bytes, cohort))).to.equal('E_WIRE')
      }),
      { numRuns: 500 },
    )
  })

  it('with a key of small order, lists of another length, or boxes for the wrong members is refused', () => {
    const [keys, shares, unmask] = messages.map((m) => m.body) as [never, never, never]
    const wrong = [
      { ...(keys as object), pair: new Uint8Array(32) },
      { ...(keys as object), seal: Uint8Array.of(1, ...new Uint8Array(31)) },
      { ...(shares as object), boxes: [null, null, null, null] },
      { ...(shares as object), keys: (shares as { keys: unknown[] }).keys.slice(1) },
      { ...(shares as object), self: (shares as { self: unknown[] }).self.slice(1) },
      { ...(unmask as object), survivors: [2, 1, 0] },
      { ...(unmask as object), survivors: [0, 1, 7] },
      { ...(unmask as object), shares: [] },
    ]
    for (const body of wrong)
      expect(codeOf(() => signMessage(cohort, body as unknown as UnmaskBody))).to.equal('E_WIRE')
    expect(encodeMessage(unmask, new Uint8Array(64))).to.not.deep.equal(messages[2]!.bytes)
  })
})
