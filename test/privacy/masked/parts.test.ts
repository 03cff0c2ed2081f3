/** The parts of masked mode one by one: grid, masks, shares, graph, cohorts, the published bytes. */
import { ristretto255 } from '@noble/curves/ed25519.js'
import { expect } from 'chai'
import fc from 'fast-check'
import { isCoveyError } from '../../../src/base/errors.ts'
import { dealCohorts, holdersOf, maskGraph, thresholdOf } from '../../../src/privacy/masked/cohort.ts'
import { encodeFixed, fixedPoint, meanOfSum } from '../../../src/privacy/masked/fixed-point.ts'
import { checkPublicKey, memberSecrets, openBox, pairSeed, sealBox } from '../../../src/privacy/masked/keys.ts'
import { addMask, addWords } from '../../../src/privacy/masked/mask.ts'
import { decodeMasked, encodeMasked, maxMaskedBytes, survivorsOf } from '../../../src/privacy/masked/masked-delta.ts'
import { combine, deal, isSecret, isShare } from '../../../src/privacy/masked/shares.ts'
import { BASE, cohortOf, secretOf } from '../../support/masked-cohort.ts'

function codeOf(work: () => unknown): string | null {
  try {
    work()
    return null
  } catch (error) {
    if (isCoveyError(error)) return error.code
    throw error
  }
}

describe('the grid', () => {
  const settings = fc.record({
    members: fc.integer({ min: 1, max: 128 }),
    range: fc.double({ min: 2 ** -10, max: 2 ** 6, noNaN: true }),
  })

  it('is as fine as it can be without overflow', () => {
    fc.assert(
      fc.property(settings, ({ members, range }) => {
        const { limit, scale } = fixedPoint(members, range)
        expect(members * limit).to.be.at.most(2 ** 31 - 1)
        expect(members * Math.floor(2 * scale * range) > 2 ** 31 - 1 || scale === 2 ** 40).to.equal(true)
        expect(Math.log2(scale) % 1).to.equal(0)
      }),
    )
  })

  it('gives the mean back to half a step, and clips what lies outside', () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(fc.double({ min: -200, max: 200, noNaN: true }), { minLength: 1, maxLength: 20 }),
        ({ members, range }, list) => {
          const values = Float32Array.from(list)
          const fixed = fixedPoint(members, range)
          const codes = encodeFixed(values, fixed)
          const sum = new Uint32Array(codes.length)
          for (let m = 0; m < members; m++) addWords(sum, codes)
          const mean = meanOfSum(sum, members, fixed)
          mean.forEach((x, i) => {
            const clipped = Math.max(-range, Math.min(range, values[i] as number))
            expect(Math.abs(x - clipped)).to.be.at.most(1 / fixed.scale + Math.abs(clipped) * 2 ** -23)
          })
        },
      ),
    )
  })

  it('refuses what is not finite, and settings that make no grid', () => {
    for (const x of [Number.NaN, Infinity, -Infinity])
      expect(codeOf(() => encodeFixed(Float32Array.of(0, x), fixedPoint(3, 1)))).to.equal('E_DELTA')
    for (const [members, range] of [
      [0, 1],
      [3, 0],
      [3, Number.NaN],
      [3, 1e9],
      [1.5, 1],
    ] as const)
      expect(codeOf(() => fixedPoint(members, range))).to.equal('E_ARGUMENT')
    expect(codeOf(() => meanOfSum(new Uint32Array(1), 4, fixedPoint(3, 1)))).to.equal('E_ARGUMENT')
  })
})

describe('a mask', () => {
  it('is ChaCha20’s key stream: RFC 8439, appendix A.1, test vectors 1 and 2', () => {
    const words = new Uint32Array(32)
    addMask(words, new Uint8Array(32), 1)
    const hex = Buffer.from(words.buffer).toString('hex')
    expect(hex.slice(0, 128)).to.equal(
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    )
    expect(hex.slice(128)).to.equal(
      '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    )
  })

  it('cancels its opposite, over the border of a block too', () => {
    const words = Uint32Array.from({ length: 40_000 }, (_, i) => i)
    addMask(words, secretOf('a mask'), 1)
    expect(words.filter((w, i) => w === i).length).to.be.below(5)
    addMask(words, secretOf('a mask'), -1)
    expect(words.every((w, i) => w === i)).to.equal(true)
  })

  it('is the same for both of a pair, and another one in another cohort', () => {
    const [a, b] = [memberSecrets(secretOf('a')), memberSecrets(secretOf('b'))]
    expect(pairSeed(a.pair, b.pairPublic, 'x')).to.deep.equal(pairSeed(b.pair, a.pairPublic, 'x'))
    expect(pairSeed(a.pair, b.pairPublic, 'x')).to.not.deep.equal(pairSeed(a.pair, b.pairPublic, 'y'))
    expect(codeOf(() => checkPublicKey(new Uint8Array(32)))).to.equal('E_WIRE')
  })
})

describe('a box', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => memberSecrets(secretOf(name))) as [
    ReturnType<typeof memberSecrets>,
    ReturnType<typeof memberSecrets>,
    ReturnType<typeof memberSecrets>,
  ]
  const route = { cohort: 'x', from: 0, to: 1 }
  const box = sealBox(a.seal, b.sealPublic, route, secretOf('one'), secretOf('two'))

  it('opens for its holder alone, on its own way alone', () => {
    expect(openBox(b.seal, a.sealPublic, route, box)).to.deep.equal({ self: secretOf('one'), pair: secretOf('two') })
    expect(openBox(c.seal, a.sealPublic, route, box)).to.equal(null)
    expect(openBox(b.seal, c.sealPublic, route, box)).to.equal(null)
    for (const other of [{ cohort: 'y' }, { from: 2 }, { to: 2 }])
      expect(openBox(b.seal, a.sealPublic, { ...route, ...other }, box)).to.equal(null)
    expect(
      openBox(
        b.seal,
        a.sealPublic,
        route,
        box.map((x, i) => (i === 7 ? x ^ 1 : x)),
      ),
    ).to.equal(null)
  })
})

describe('shares', () => {
  const order = ristretto255.Point.Fn.ORDER
  const secret = fc.bigInt({ min: 1n, max: order - 1n }).map((x) => ristretto255.Point.Fn.toBytes(x))
  const plan = fc
    .integer({ min: 2, max: 7 })
    .chain((n) => fc.record({ n: fc.constant(n), needed: fc.integer({ min: 2, max: n }), secret, seed: fc.nat() }))

  it('open the secret, any that are enough; fewer do not', () => {
    fc.assert(
      fc.property(plan, fc.nat(), ({ n, needed, secret, seed }, skip) => {
        const holders = Array.from({ length: n }, (_, i) => 3 * i)
        const { commitments, shares } = deal(secret, needed, holders, secretOf(String(seed)), 'test')
        const all = holders.map((holder) => ({ holder, share: shares.get(holder) as Uint8Array }))
        const from = skip % (n - needed + 1)
        expect(combine(all.slice(from, from + needed), commitments)).to.deep.equal(secret)
        expect(combine(all.slice(0, needed - 1), commitments)).to.equal(null)
        expect(isSecret(secret, commitments)).to.equal(true)
        expect(all.every((s) => isShare(s, commitments))).to.equal(true)
      }),
      { numRuns: 15 },
    )
  })

  it('that are wrong are told from right ones, and passed over', () => {
    const value = ristretto255.Point.Fn.toBytes(12_345n)
    const { commitments, shares } = deal(value, 3, [0, 1, 2, 3, 4], secretOf('dealer'), 'test')
    const all = [0, 1, 2, 3, 4].map((holder) => ({ holder, share: shares.get(holder) as Uint8Array }))
    const wrong = { holder: 1, share: ristretto255.Point.Fn.toBytes(1n) }
    expect(isShare(wrong, commitments)).to.equal(false)
    expect(combine([all[0]!, wrong, all[2]!, all[4]!], commitments)).to.deep.equal(value)
    expect(combine([all[0]!, wrong, all[2]!], commitments)).to.equal(null)
    expect(combine([all[0]!, { holder: 2, share: new Uint8Array(32).fill(255) }, all[3]!], commitments)).to.equal(null)
    expect(isShare({ holder: 0, share: all[1]!.share }, commitments)).to.equal(false)
    expect(isSecret(secretOf('no scalar').fill(255), commitments)).to.equal(false)
    expect(codeOf(() => deal(value, 3, [0, 1], secretOf('dealer'), 'test'))).to.equal('E_COHORT')
  })
})

describe('the graph of masks', () => {
  it('joins everyone with so many others, both ways, and holds together', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 40 }),
        fc.integer({ min: 2, max: 8 }).map((k) => 2 * k),
        fc.string(),
        (n, degree, seed) => {
          const graph = maskGraph(n, degree, seed)
          const seen = new Set([0])
          for (const at of seen) for (const other of graph[at] as readonly number[]) seen.add(other)
          expect(seen.size).to.equal(n)
          graph.forEach((list, i) => {
            expect(list.length).to.equal(Math.min(degree, n - 1))
            expect(new Set(list).size).to.equal(list.length)
            expect(list).to.not.include(i)
            for (const other of list) expect(graph[other]).to.include(i)
          })
        },
      ),
      { numRuns: 30 },
    )
    expect(codeOf(() => maskGraph(9, 3, ''))).to.equal('E_ARGUMENT')
    expect(codeOf(() => maskGraph(9, 2, ''))).to.equal('E_ARGUMENT')
  })

  it('has holders that include the member itself', () => {
    expect(holdersOf(cohortOf(4), 2)).to.deep.equal([0, 1, 2, 3])
    expect(holdersOf(cohortOf(9, { neighbours: 4 }), 2))
      .to.have.length(5)
      .and.include(2)
  })
})

describe('cohorts', () => {
  it('are dealt of all seats, each once, of nearly equal size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 3, max: 16 }), (seats, size) => {
        const dealt = dealCohorts(seats, size)
        expect(dealt.flat()).to.deep.equal(Array.from({ length: seats }, (_, i) => i))
        const sizes = dealt.map((c) => c.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1)
        if (seats >= size) expect(Math.min(...sizes)).to.be.at.least(size)
        else expect(dealt).to.have.length(1)
      }),
    )
  })

  it('of fewer than three members are refused', () => {
    for (const n of [0, 1, 2, 129]) expect(codeOf(() => cohortOf(n))).to.equal('E_COHORT')
    expect([3, 4, 5, 6, 9, 32].map(thresholdOf)).to.deep.equal([3, 3, 4, 5, 7, 22])
  })
})

describe('a masked delta', () => {
  const cohort = cohortOf(4)
  const entry = (i: number) => ({ digest: String(i).repeat(64), size: 900 + i })
  const roster = [entry(0), entry(1), null, entry(3)]
  const words = Uint32Array.of(1, 2 ** 32 - 1, 7)
  const bytes = encodeMasked(cohort, { from: 1, roster, words })

  it('comes back as it went', () => {
    expect(decodeMasked(bytes, cohort, 1, 3)).to.deep.equal({ from: 1, roster, words })
    expect(bytes.byteLength).to.be.at.most(maxMaskedBytes(3))
  })

  it('of another member, cohort or number of values, or cut or longer, is E_DELTA', () => {
    const wrong = [
      () => decodeMasked(bytes, cohort, 0, 3),
      () => decodeMasked(bytes, cohortOf(4, { round: 9 }), 1, 3),
      () => decodeMasked(bytes, cohortOf(5), 1, 3),
      () => decodeMasked(bytes, cohort, 1, 2),
      () => decodeMasked(bytes, cohort, 1, 4),
      () => decodeMasked(bytes.subarray(0, -1), cohort, 1, 3),
      () => decodeMasked(Uint8Array.of(...bytes, 0), cohort, 1, 3),
      () => decodeMasked(encodeMasked(cohort, { from: 2, roster, words }), cohort, 2, 3),
    ]
    for (const work of wrong) expect(codeOf(work)).to.equal('E_DELTA')
  })

  it('of random bytes, or with any byte of its head changed, is E_DELTA or another one', () => {
    const head = bytes.byteLength - 12
    fc.assert(
      fc.property(fc.nat(head - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const broken = bytes.slice()
        broken[at]! ^= change
        expect(codeOf(() => decodeMasked(broken, cohort, 1, 3))).to.be.oneOf([null, 'E_DELTA'])
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        expect(codeOf(() => decodeMasked(random, cohort, 1, 3))).to.equal('E_DELTA')
      }),
    )
  })

  it('counts when as many as the threshold agree on roster and base, and there is never a second such set', () => {
    const other = [entry(0), entry(1), entry(2), entry(3)]
    const say = (member: number, r: typeof other | typeof roster | null, baseDigest = BASE) => ({
      member,
      roster: r,
      baseDigest,
    })
    expect(survivorsOf(cohort, [say(0, roster), say(1, roster), say(3, roster)])?.members).to.deep.equal([0, 1, 3])
    expect(survivorsOf(cohort, [say(0, roster), say(1, roster), say(3, other)])).to.equal(null)
    expect(survivorsOf(cohort, [say(0, roster), say(1, roster), say(3, roster, 'ef'.repeat(32))])).to.equal(null)
    expect(survivorsOf(cohort, [say(0, roster), say(1, roster), say(3, null)])).to.equal(null)
    // member 2 is not on the roster that it names
    expect(
      survivorsOf(cohort, [say(0, roster), say(1, roster), say(2, roster), say(3, roster)])?.members,
    ).to.deep.equal([0, 1, 3])
  })
})
