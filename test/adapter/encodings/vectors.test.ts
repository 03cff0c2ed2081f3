import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { computeDeltaVectors, type DeltaVector, decodedDigest } from '../../support/delta-vectors.ts'

describe('stored vectors of delta encodings', () => {
  let stored: DeltaVector[]
  before(async () => {
    stored = JSON.parse(await readFile(new URL('../../vectors/deltas.json', import.meta.url), 'utf8'))
  })

  it('stand for the values that they stood for', () => {
    expect(stored.length).to.be.above(5)
    for (const vector of stored)
      expect(decodedDigest(Buffer.from(vector.file, 'base64'), vector)).to.equal(vector.values)
  })

  it('hold sections in both forms, as they are and compressed', () => {
    const forms = stored.flatMap(({ file }) => {
      const bytes = Buffer.from(file, 'base64')
      return Array.from({ length: bytes[7]! }, (_, i) => {
        const at = 20 + 8 * i
        return bytes.readUInt32LE(at) === bytes.readUInt32LE(at + 4)
      })
    })
    expect(forms).to.include(true).and.include(false)
  })

  // not the files: another zstd may find a shorter one
  it('are what this machine makes of the same delta', () => {
    expect(computeDeltaVectors().map(({ values }) => values)).to.deep.equal(stored.map(({ values }) => values))
  })
})
