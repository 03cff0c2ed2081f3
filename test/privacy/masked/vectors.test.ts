import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { computeMaskedVector } from '../../support/masked-vectors.ts'

describe('masked vectors', () => {
  it('are what this machine computes', async () => {
    const path = new URL('../../vectors/masked.json', import.meta.url)
    expect(computeMaskedVector()).to.deep.equal(JSON.parse(await readFile(path, 'utf8')))
  })
})
