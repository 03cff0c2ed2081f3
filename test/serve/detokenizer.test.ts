import { expect } from 'chai'
import fc from 'fast-check'
import { Detokenizer } from '../../src/serve/detokenizer.ts'
import { byteTokenizer } from '../support/fake-inference.ts'

describe('Detokenizer', () => {
  it('holds a character back until its last byte has come', () => {
    const d = new Detokenizer(byteTokenizer)
    const pieces = byteTokenizer.encode('a€b').map((id) => d.push(id))
    expect(pieces).to.deep.equal(['a', '', '', '€', 'b'])
  })

  it('lets bytes that are no character out as U+FFFD, late', () => {
    const d = new Detokenizer(byteTokenizer)
    expect([d.push(0xe2), d.push(0x82), d.push(0x41), d.flush()]).to.deep.equal(['', '', '\uFFFDA', ''])
    expect([d.push(0xe2), d.flush(), d.flush()]).to.deep.equal(['', '\uFFFD', ''])
  })

  it('keeps spaces that depend on the left neighbour', () => {
    // as SentencePiece decoders do: the first piece loses its leading space
    const pieces = ['▁how', '▁are', '▁you']
    const decode = (ids: readonly number[]): string =>
      ids
        .map((i) => pieces[i])
        .join('')
        .replaceAll('▁', ' ')
        .replace(/^ /, '')
    const d = new Detokenizer({ decode })
    expect([d.push(0), d.push(1), d.push(2)]).to.deep.equal(['how', ' are', ' you'])
  })

  it('gives every text back, whole characters at a time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 24 }), (text) => {
        const d = new Detokenizer(byteTokenizer)
        const pieces = [...byteTokenizer.encode(text).map((id) => d.push(id)), d.flush()]
        expect(pieces.join('')).to.equal(byteTokenizer.decode(byteTokenizer.encode(text)))
        expect(pieces.every((piece) => piece.isWellFormed())).to.equal(true)
      }),
    )
  })
})
