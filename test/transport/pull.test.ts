/** The pull algorithm against peers of every kind, without a network. */
import { expect } from 'chai'
import fc from 'fast-check'
import { equalBytes } from '../../src/base/bytes.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { pullBlob } from '../../src/transport/pull.ts'
import type { BlobExchange, PullLimits } from '../../src/transport/pull-run.ts'
import { failure, partialOf, someBytes, sourceOf } from './blobs.ts'

const LIMITS: PullLimits = {
  chunkBytes: 100,
  peers: 3,
  outstanding: 2,
  windowChunks: 4,
  chunkTimeout_ms: 30,
  retry: { first_ms: 2, most_ms: 10 },
}

const KINDS = [
  'honest',
  'lacks',
  'stalls',
  'liar',
  'late liar',
  'short',
  'long',
  'throws',
  'unreachable',
  'breaks off',
] as const
type Kind = (typeof KINDS)[number]

interface Watch {
  /** the most questions that were open at one peer */
  outstanding: number
  /** the farthest a question was ahead of what was appended, bytes */
  ahead: number
}

/** Peers named by their place in `kinds`. */
function exchangeOf(
  blob: Uint8Array,
  kinds: readonly Kind[],
  appended: () => number,
): { exchange: BlobExchange; watch: Watch } {
  const watch = { outstanding: 0, ahead: 0 }
  const exchange: BlobExchange = {
    connected: () => kinds.map((_, i) => `peer${i}`),
    async open(peer) {
      const kind = kinds[Number(peer.slice(4))] as Kind
      if (kind === 'unreachable') throw new CoveyError('E_PEER', 'unreachable')
      let open = 0
      let served = 0
      return {
        async read(offset, length, signal) {
          watch.outstanding = Math.max(watch.outstanding, ++open)
          watch.ahead = Math.max(watch.ahead, offset + length - appended())
          await new Promise((resolve) => setImmediate(resolve))
          open--
          const bytes = blob.slice(offset, offset + length)
          switch (kind) {
            case 'honest':
              return bytes
            case 'lacks':
              return null
            case 'stalls':
              return new Promise((_, reject) =>
                signal.addEventListener('abort', () => reject(new CoveyError('E_PEER', 'stalled'))),
              )
            case 'liar':
              return bytes.fill(0xee)
            case 'late liar':
              return offset + length === blob.length ? bytes.fill(0xee) : bytes
            case 'short':
              return bytes.subarray(1)
            case 'long':
              return blob.slice(offset, offset + length + 1)
            case 'throws':
              throw new Error('reset')
            default:
              if (served++ < 3) return bytes
              throw new CoveyError('E_PEER', 'broke off')
          }
        },
        close: () => undefined,
      }
    },
  }
  return { exchange, watch }
}

describe('pullBlob', () => {
  it('gets the blob whenever one honest peer is there, whoever else is', async () => {
    const cases = fc.record({
      size: fc.integer({ min: 1, max: 1_500 }),
      others: fc.array(fc.constantFrom(...KINDS), { maxLength: 6 }),
      at: fc.nat(6),
      have: fc.nat(1_500),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, others, at, have }) => {
        const kinds: Kind[] = [...others]
        kinds.splice(at % (others.length + 1), 0, 'honest')
        const blob = someBytes(size, size)
        const { digest } = sourceOf(blob)
        const into = partialOf(digest)
        const begun = have % size
        if (begun > 0) await into.append(blob.slice(0, begun))
        const { exchange, watch } = exchangeOf(blob, kinds, () => into.have)
        const liars = new Set<string>()
        await pullBlob({ digest, size, from: [], into, patience_ms: 2_000 }, exchange, liars, LIMITS)
        expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
        expect(watch.outstanding).to.be.at.most(LIMITS.outstanding)
        expect(watch.ahead).to.be.at.most(LIMITS.windowChunks * LIMITS.chunkBytes + LIMITS.chunkBytes)
        for (const liar of liars) expect(kinds[Number(liar.slice(4))]).to.include('liar')
      }),
      { numRuns: 60 },
    )
  })

  it('says what each peer answered when nobody could serve', async () => {
    const blob = someBytes(1_000, 1)
    const { digest } = sourceOf(blob)
    const into = partialOf(digest)
    const { exchange } = exchangeOf(blob, ['lacks', 'liar', 'short', 'unreachable'], () => into.have)
    const liars = new Set<string>()
    const error = await failure(
      pullBlob({ digest, size: 1_000, from: [], into, patience_ms: 300 }, exchange, liars, LIMITS),
    )
    if (!isCoveyError(error, 'E_BLOB_UNAVAILABLE')) throw error
    for (const words of ['does not have it', 'unreachable', 'wrong bytes']) expect(error.message).to.include(words)
    expect([...liars]).to.deep.equal(['peer1'])
  })

  it('finds the one that lied among several, by the true chunks', async () => {
    const blob = someBytes(1_200, 2)
    const { digest } = sourceOf(blob)
    const into = partialOf(digest)
    const { exchange } = exchangeOf(blob, ['honest', 'liar', 'honest'], () => into.have)
    const liars = new Set<string>()
    await pullBlob({ digest, size: 1_200, from: [], into }, exchange, liars, LIMITS)
    expect([...liars]).to.deep.equal(['peer1'])
    expect(into.done).to.not.equal(null)
  })

  it('takes a wrong beginning from an earlier run back', async () => {
    const blob = someBytes(500, 3)
    const { digest } = sourceOf(blob)
    const into = partialOf(digest)
    await into.append(new Uint8Array(250))
    const { exchange } = exchangeOf(blob, ['honest'], () => into.have)
    const liars = new Set<string>()
    await pullBlob({ digest, size: 500, from: [], into }, exchange, liars, LIMITS)
    expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
    expect(liars.size).to.equal(0)
  })

  it('only checks the digest when all bytes are there', async () => {
    const blob = someBytes(500, 4)
    const { digest } = sourceOf(blob)
    const into = partialOf(digest)
    await into.append(blob)
    const nobody: BlobExchange = { connected: () => [], open: () => Promise.reject(new Error('must not be asked')) }
    await pullBlob({ digest, size: 500, from: [], into }, nobody, new Set(), LIMITS)
    expect(into.done).to.not.equal(null)
  })
})
