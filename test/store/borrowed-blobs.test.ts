import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { sha256 } from '../../src/base/bytes.ts'
import { BorrowedBlobs, blobFolderOf } from '../../src/store/borrowed-blobs.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { openStore } from '../../src/store/open-store.ts'
import { codeOf } from '../support/code-of.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const collect = async <T>(list: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of list) all.push(item)
  return all
}

describe('blobs of others', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'covey-borrowed-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('are read beside the process that owns them, from the first folder that has them whole', async () => {
    const owner = await openStore(join(dir, 'owner'))
    const held = await owner.blobs.put(bytes('held'))
    const plain = join(dir, 'plain')
    await mkdir(plain)
    const [copied, damaged] = [sha256(bytes('copied')), sha256(bytes('whole'))]
    await writeFile(join(plain, copied), 'copied')
    await writeFile(join(plain, damaged), 'holes')
    await writeFile(join(plain, 'notes.txt'), 'no blob')
    const own = createMemoryStore()
    const blobs = new BorrowedBlobs([await blobFolderOf(plain), await blobFolderOf(join(dir, 'owner'))], own.blobs)
    try {
      expect(await blobs.get(held, 10)).to.deep.equal(new Uint8Array(bytes('held')))
      expect(await blobs.get(copied, 10)).to.have.length(6)
      expect(Buffer.from(await blobs.read(copied, 2, 3)).toString()).to.equal('pie')
      expect([await blobs.has(held), await blobs.size(copied)]).to.deep.equal([true, 6])
      expect(await codeOf(blobs.get(copied, 5))).to.equal('E_TOO_LARGE')
      // damaged ones stay as they are, for their owner to find
      expect(await codeOf(blobs.get(damaged, 10))).to.equal('E_BLOB_UNAVAILABLE')
      expect(await readFile(join(plain, damaged), 'utf8')).to.equal('holes')
      await owner.blobs.put(bytes('whole'))
      expect(await blobs.get(damaged, 10)).to.have.length(5)
    } finally {
      await owner.close()
    }
  })

  it('are never written: what comes goes into the own store, and a listing has each once', async () => {
    const plain = join(dir, 'other')
    await mkdir(plain)
    const both = sha256(bytes('both'))
    await writeFile(join(plain, both), 'both')
    const own = createMemoryStore()
    const blobs = new BorrowedBlobs([plain], own.blobs)
    const mine = await blobs.put(bytes('mine'))
    await blobs.put(bytes('both'))
    expect((await collect(blobs.list())).map(({ digest }) => digest).sort()).to.deep.equal([both, mine].sort())
    await blobs.delete(both)
    expect(await blobs.has(both), 'the other’s is still there').to.equal(true)
    expect(await own.blobs.has(both)).to.equal(false)
    const digest = sha256(bytes('pulled'))
    const part = await blobs.partial(digest, 6, 6)
    await part.append(bytes('pulled'))
    await part.finish()
    expect(await blobs.get(digest, 6)).to.have.length(6)
    expect(await codeOf(blobs.get('ab'.repeat(32), 6))).to.equal('E_BLOB_UNAVAILABLE')
  })
})
