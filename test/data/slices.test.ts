import { expect } from 'chai'
import { AbiCoder, concat, keccak256 } from 'ethers'
import fc from 'fast-check'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { merkleLeaf, merkleTree } from '../../src/data/merkle.ts'
import { decodeSlice, encodeSlice, MAX_SLICE_EXAMPLES, probeFromBytes } from '../../src/data/slices.ts'
import type { Example } from '../../src/types/data.ts'
import { expectRejects } from '../support/expect-error.ts'

/** OpenZeppelin's MerkleProof.processProof, by other code than ours. */
const processProof = (leaf: string, proof: readonly string[]): string =>
  proof.reduce((a, b) => keccak256(concat(BigInt(a) < BigInt(b) ? [a, b] : [b, a])), leaf)

describe('data/merkle', () => {
  it('hashes leaves as Solidity does', () => {
    const digest = sha256('slice')
    const encoded = AbiCoder.defaultAbiCoder().encode(['uint256', 'bytes32'], [7, `0x${digest}`])
    expect(merkleLeaf(7, digest)).to.equal(keccak256(keccak256(encoded)))
    expect(() => merkleLeaf(-1, digest)).to.throw(/round/)
    expect(() => merkleLeaf(1, '0xabc')).to.throw(/64 lower-case hex digits/)
  })

  it('proves every leaf of trees of every size, and nothing else', () => {
    for (let n = 1; n <= 17; n++) {
      const leaves = Array.from({ length: n }, (_, i) => merkleLeaf(i + 1, sha256(`${i}`)))
      const tree = merkleTree(leaves)
      leaves.forEach((leaf, i) => {
        expect(processProof(leaf, tree.proof(i))).to.equal(tree.root)
        expect(processProof(merkleLeaf(i + 2, sha256(`${i}`)), tree.proof(i))).to.not.equal(tree.root)
      })
      expect(() => tree.proof(n)).to.throw(/index/)
    }
    expect(() => merkleTree([])).to.throw(/at least one/)
  })
})

describe('data/slices', () => {
  const example = fc.record({
    prompt: fc.string({ unit: 'binary' }),
    completion: fc.string({ unit: 'binary', minLength: 1 }),
    partition: fc.constant(''),
  })

  it('gives examples back, and has one spelling', () => {
    fc.assert(
      fc.property(fc.array(example, { minLength: 1 }), (examples) => {
        const bytes = encodeSlice(examples)
        expect(decodeSlice(bytes)).to.deep.equal(examples)
        expect(encodeSlice(decodeSlice(bytes))).to.deep.equal(bytes)
      }),
    )
  })

  it('never takes bytes that it would write otherwise', () => {
    const bytes = encodeSlice([{ prompt: 'a', completion: 'b', partition: 'x' }])
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = bytes.slice()
        changed[at] = value
        let decoded: Example[]
        try {
          decoded = decodeSlice(changed)
        } catch (error) {
          expect(error).to.have.property('code', 'E_DATA_FORMAT')
          return
        }
        expect(encodeSlice(decoded)).to.deep.equal(changed)
      }),
    )
  })

  for (const [name, text, message] of [
    ['no line end', '{"completion":"b","prompt":"a"}', /line break/],
    ['nothing', '', /line break/],
    ['a blank line', '\n', /line 1 is not JSON/],
    ['null', 'null\n', /line 1: expected/],
    ['another key', '{"completion":"b","prompt":"a","x":1}\n', /canonical/],
    ['keys the other way round', '{"prompt":"a","completion":"b"}\n', /canonical/],
    ['a number', '{"completion":1,"prompt":"a"}\n', /expected/],
    ['an empty completion', '{"completion":"","prompt":"a"}\n', /expected/],
  ] as const) {
    it(`refuses ${name}`, () => expectRejects(() => decodeSlice(utf8.encode(text)), 'E_DATA_FORMAT', message))
  }

  it('refuses what is past its caps', async () => {
    const big = { prompt: 'x'.repeat(9 * 1024 * 1024), completion: 'y', partition: '' }
    await expectRejects(() => encodeSlice([big]), 'E_TOO_LARGE')
    await expectRejects(() => decodeSlice(new Uint8Array(9 * 1024 * 1024)), 'E_TOO_LARGE')
    const many = new Array<Example>(MAX_SLICE_EXAMPLES + 1).fill({ prompt: '', completion: 'y', partition: '' })
    await expectRejects(() => encodeSlice(many), 'E_TOO_LARGE')
    await expectRejects(
      () => decodeSlice(utf8.encode('{"completion":"y","prompt":""}\n'.repeat(MAX_SLICE_EXAMPLES + 1))),
      'E_TOO_LARGE',
    )
    await expectRejects(() => encodeSlice([]), 'E_ARGUMENT')
    await expectRejects(() => decodeSlice(Uint8Array.of(0xff, 0x0a)), 'E_DATA_FORMAT', /UTF-8/)
  })

  it('binds every slice to its round', () => {
    const slices = [1, 2, 3].map((n) => [{ prompt: `p${n}`, completion: 'c', partition: '' }])
    const probe = probeFromBytes(slices.map(encodeSlice))
    for (let round = 1; round <= 3; round++) {
      const slice = probe.slice(round)
      if (!slice) throw new Error('expected a slice')
      expect(slice.digest).to.equal(sha256(slice.bytes))
      expect(processProof(merkleLeaf(round, slice.digest), slice.proof)).to.equal(probe.root)
      expect(decodeSlice(slice.bytes)).to.deep.equal(slices[round - 1])
    }
    expect([probe.slice(0), probe.slice(4)]).to.deep.equal([null, null])
    expect(() => probeFromBytes([])).to.throw(/at least one/)
  })
})
