/** What strangers can do to a node's mail: little. */
import { expect } from 'chai'
import fc from 'fast-check'
import { Notices } from '../../../node/masked/mail.ts'
import { decodeOpenings } from '../../../node/masked/openings.ts'
import { encodeCbor } from '../../../src/base/cbor.ts'
import { isCoveyError } from '../../../src/base/errors.ts'
import { MAX_MESSAGE_BYTES } from '../../../src/privacy/masked/messages.ts'

const blob = (n: number, size = 500) => ({ digest: n.toString(16).padStart(64, '0'), size })

describe('notices of a cohort’s messages', () => {
  it('are kept a few a peer, once each, of a message’s size', () => {
    const notices = new Notices()
    expect(notices.add('a', blob(1))).to.equal(true)
    expect(notices.add('a', blob(1))).to.equal(false)
    expect(notices.add('a', blob(2, MAX_MESSAGE_BYTES + 1))).to.equal(false)
    for (let i = 0; i < 50; i++) notices.add('a', blob(100 + i))
    expect(notices.add('b', blob(3))).to.equal(true)
    const wanted = notices.wanted(new Set(['a', 'b']))
    expect(wanted).to.have.length(7)
    expect(wanted.map((w) => w.digest))
      .to.include(blob(1).digest)
      .and.include(blob(3).digest)
  })

  it('of those who are no members are thrown away', () => {
    const notices = new Notices()
    for (let i = 0; i < 1_000; i++) notices.add(`stranger ${i}`, blob(i))
    expect(notices.wanted(new Set(['a']))).to.deep.equal([])
    expect(notices.add('a', blob(1)), 'and there is room again').to.equal(true)
    expect(notices.wanted(new Set(['a']))).to.have.length(1)
  })

  it('are given up when nobody serves them, until they are said again', () => {
    const notices = new Notices()
    notices.add('a', blob(1))
    const [wanted] = notices.wanted(new Set(['a']))
    ;(wanted as { attempts: number }).attempts = 5
    expect(notices.wanted(new Set(['a']))).to.deep.equal([])
    notices.add('a', blob(1))
    expect(notices.wanted(new Set(['a']))).to.have.length(1)
  })
})

describe('openings', () => {
  const scalar = new Uint8Array(32).fill(7)
  const value = { task: 3, round: 2, previous: [new Uint8Array(32), 99], cohorts: [[scalar, null], null] }

  function refused(bytes: Uint8Array): void {
    try {
      decodeOpenings(bytes)
    } catch (error) {
      if (isCoveyError(error, 'E_WIRE')) return
      throw error
    }
    throw new Error('expected E_WIRE')
  }

  it('come back as they went', () => {
    expect(decodeOpenings(encodeCbor(value))).to.deep.equal(value)
  })

  it('of another shape, of random bytes or over the cap are E_WIRE and nothing else', () => {
    for (const change of [
      { task: -1 },
      { round: 0.5 },
      { previous: [scalar] },
      { cohorts: [[new Uint8Array(31)]] },
      { extra: 1 },
    ])
      refused(encodeCbor({ ...value, ...change }))
    refused(new Uint8Array(17_000))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => refused(bytes)))
  })
})
