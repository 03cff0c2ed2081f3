import { encode } from 'cborg'
import { expect } from 'chai'
import fc from 'fast-check'
import { concatBytes } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import type { WireMessage } from '../../src/types/wire.ts'
import { MAX_BLOB_BYTES, MAX_GOSSIP_BYTES } from '../../src/wire/limits.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/messages.ts'

const DIGEST = 'ab'.repeat(32)
const PEER = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'
const blob = { kind: 'blob', of: 'delta', task: 3, round: 2, digest: DIGEST, size: 1234 } as const
const hello = { kind: 'hello', addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`] } as const
function wire(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isCoveyError(error, 'E_WIRE')) return error.message
    throw error
  }
  throw new Error('expected E_WIRE')
}

const whole = fc.nat()
const messages: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('blob' as const),
    of: fc.constantFrom(...(['delta', 'slice', 'spec', 'adapter', 'cohort', 'openings'] as const)),
    task: whole,
    round: whole,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString('hex')),
    size: fc.integer({ min: 1, max: MAX_BLOB_BYTES }),
  }),
  fc.record({
    kind: fc.constant('hello' as const),
    addresses: fc.array(
      fc.nat(65_535).map((port) => `/ip4/10.0.0.1/tcp/${port}/p2p/${PEER}`),
      { maxLength: 8 },
    ),
  }),
)

describe('wire messages', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message)
        expect(decodeMessage(bytes)).to.deep.equal(message)
        expect(encodeMessage(decodeMessage(bytes))).to.deep.equal(bytes)
        expect(bytes.byteLength).to.be.at.most(MAX_GOSSIP_BYTES)
      }),
    )
  })

  it('of random bytes are E_WIRE and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        wire(() => decodeMessage(bytes))
      }),
      { numRuns: 2_000 },
    )
  })

  it('with any byte changed are another valid message or E_WIRE', () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, at, change) => {
        const bytes = encodeMessage(message)
        const i = at % bytes.byteLength
        bytes[i] = (bytes[i] ?? 0) ^ change
        try {
          expect(encodeMessage(decodeMessage(bytes))).to.deep.equal(bytes)
        } catch (error) {
          if (!isCoveyError(error, 'E_WIRE')) throw error
        }
      }),
    )
  })

  it('have one spelling: not other key order, not trailing bytes, not a wider integer, not duplicate keys', () => {
    const bytes = encodeMessage(blob)
    expect(decodeMessage(encode(blob))).to.deep.equal(blob)
    const reversed = encode(blob, { mapSorter: () => 0 })
    expect(reversed).to.not.deep.equal(bytes)
    expect(wire(() => decodeMessage(reversed))).to.include('deterministic')
    wire(() => decodeMessage(concatBytes([bytes, Uint8Array.of(0)])))
    wire(() => decodeMessage(bytes.subarray(0, -1)))
    // `task: 3` as 0x18 0x03 in the place of 0x03
    const at = Buffer.from(bytes).indexOf(Buffer.concat([Buffer.from('task'), Uint8Array.of(3)])) + 4
    wire(() => decodeMessage(concatBytes([bytes.subarray(0, at), Uint8Array.of(0x18), bytes.subarray(at)])))
    const kind = Buffer.concat([Uint8Array.of(0x64), Buffer.from('kind'), Uint8Array.of(0x65), Buffer.from('hello')])
    wire(() => decodeMessage(concatBytes([Uint8Array.of(0xa2), kind, kind])))
  })

  for (const [name, value, field] of [
    ['an unknown field', { ...blob, extra: 1 }, 'extra'],
    ['an unknown kind', { ...blob, kind: 'push' }, 'kind'],
    ['no digest', { ...blob, digest: undefined }, 'digest'],
    ['an upper-case digest', { ...blob, digest: DIGEST.toUpperCase() }, 'digest'],
    ['a size of 0', { ...blob, size: 0 }, 'size'],
    ['a size over the cap', { ...blob, size: MAX_BLOB_BYTES + 1 }, 'size'],
    ['a negative task', { ...blob, task: -1 }, 'task'],
    ['a fraction of a round', { ...blob, round: 1.5 }, 'round'],
    ['a round as text', { ...blob, round: '1' }, 'round'],
    ['an address that is none', { ...hello, addresses: ['example.org'] }, 'addresses.0'],
    ['an address without peer id', { ...hello, addresses: ['/ip4/1.2.3.4/tcp/1'] }, 'addresses.0'],
    ['a kind that nobody knows', { ...blob, kind: 'status' }, 'kind'],
    ['nine addresses', { ...hello, addresses: Array(9).fill(hello.addresses[0]) }, 'addresses'],
  ] as const) {
    it(`are refused with ${name}, naming the field`, () => {
      expect(wire(() => encodeMessage(value as unknown as WireMessage))).to.include(field)
      wire(() => decodeMessage(encode(value, { ignoreUndefinedProperties: true })))
    })
  }

  it('over 4 KiB are refused before they are read', () => {
    expect(wire(() => decodeMessage(new Uint8Array(MAX_GOSSIP_BYTES + 1)))).to.include(String(MAX_GOSSIP_BYTES))
  })

  it('nested to the cap do not break the decoder', () => {
    wire(() => decodeMessage(new Uint8Array(MAX_GOSSIP_BYTES).fill(0x81)))
    wire(() => decodeMessage(new Uint8Array(MAX_GOSSIP_BYTES).fill(0xc6)))
  })
})
