import { expect } from 'chai'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import { stopIdsOf } from '../../src/serve/stop-ids.ts'
import { BYTE_EOS, byteTokenizer } from '../support/fake-inference.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

describe('stopIdsOf', () => {
  const tempFolder = useTempFolders()

  it('takes the end of text, of config.json and of a chat turn', async () => {
    const tokenizer = await loadTokenizer(await writeTinyModel(await tempFolder()))
    expect(stopIdsOf(tokenizer, { eosIds: [0, 9] })).to.deep.equal([0, 9, 2])
  })

  it('makes no turn end out of ordinary text or a missing template', () => {
    expect(stopIdsOf(byteTokenizer, { eosIds: [] })).to.deep.equal([BYTE_EOS])
    const chat = (): string => {
      throw new Error('no template')
    }
    expect(stopIdsOf({ ...byteTokenizer, chat }, { eosIds: [3] })).to.deep.equal([BYTE_EOS, 3])
  })
})
