import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { utf8 } from '../../src/base/bytes.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { writeFileAtomic } from '../../src/base/files.ts'
import { expectRejects } from '../support/expect-error.ts'
import { useTempFolders } from '../support/temp-folder.ts'

describe('files that are whole or absent', () => {
  const tempFolder = useTempFolders()

  it('holds all chunks, in folders that were not there, and nothing else', async () => {
    const dir = await tempFolder()
    const path = join(dir, 'a', 'b', 'file')
    await writeFileAtomic(path, [utf8.encode('one '), utf8.encode('two')])
    expect(await readFile(path, 'utf8')).to.equal('one two')
    expect(await readdir(join(dir, 'a', 'b'))).to.deep.equal(['file'])
  })

  it('leaves the old file when what gives the bytes fails, and passes its error on', async () => {
    const dir = await tempFolder()
    const path = join(dir, 'file')
    await writeFile(path, 'old')
    const chunks = function* (): Generator<Uint8Array> {
      yield utf8.encode('new')
      throw new CoveyError('E_MODEL_SHAPE', 'no such tensor')
    }
    await expectRejects(() => writeFileAtomic(path, chunks()), 'E_MODEL_SHAPE', /no such tensor/)
    expect(await readFile(path, 'utf8')).to.equal('old')
    expect(await readdir(dir)).to.deep.equal(['file'])
  })

  it('says which file could not be written', async () => {
    const dir = await tempFolder()
    await writeFile(join(dir, 'file'), '')
    await expectRejects(() => writeFileAtomic(join(dir, 'file', 'inside'), []), 'E_DISK', /file\/inside/)
    await mkdir(join(dir, 'folder', 'full'), { recursive: true })
    await expectRejects(() => writeFileAtomic(join(dir, 'folder'), [utf8.encode('x')]), 'E_DISK', /folder/)
    expect(await readdir(dir)).to.have.members(['file', 'folder'])
  })
})
