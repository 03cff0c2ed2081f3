import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { withLock } from '../../src/hub/lock.ts'
import { codeOf } from '../support/code-of.ts'
import { expectRejects } from '../support/expect-error.ts'
import { useTempFolders } from '../support/temp-folder.ts'

describe('withLock', () => {
  const tempFolder = useTempFolders()
  const lockIn = async (): Promise<string> => join(await tempFolder(), 'org', 'name')

  const leave = async (path: string, entry: string): Promise<void> => {
    await mkdir(path, { recursive: true })
    await writeFile(join(path, entry), 'has')
  }

  it('lets one in, names the owner to the others, and leaves nothing', async () => {
    const path = await lockIn()
    const result = await withLock(path, 'a/b', async () => {
      await expectRejects(
        () => withLock(path, 'a/b', async () => 0),
        'E_LOCKED',
        new RegExp(`a/b: process ${process.pid} works on it`),
      )
      return 7
    })
    expect(result).to.equal(7)
    expect(await readdir(path)).to.deep.equal([])
    expect(await withLock(path, 'a/b', async () => 8)).to.equal(8)
  })

  it('is let go when the work fails', async () => {
    const path = await lockIn()
    const failing = withLock(path, 'a/b', async () => {
      throw new Error('no')
    })
    expect(await failing.catch((e: Error) => e.message)).to.equal('no')
    expect(await readdir(path)).to.deep.equal([])
  })

  // process ids are at most 2^22 on Linux
  const dead: [name: string, entry: string][] = [
    ['a process that is gone', '99999999-123-0123456789ab'],
    ['an earlier process of the same id', `${process.pid}-1-0123456789ab`],
    ['no process at all', '0--0123456789ab'],
  ]
  for (const [name, entry] of dead) {
    it(`takes over what ${name} has left`, async () => {
      const path = await lockIn()
      await leave(path, entry)
      await withLock(path, 'a/b', async () => {
        expect(await readdir(path))
          .to.have.length(1)
          .and.to.not.include(entry)
      })
    })
  }

  it('of many that come at once lets one in after the other, or sends them away', async () => {
    const path = await lockIn()
    await leave(path, '99999999-1-0123456789ab')
    let inside = 0
    let most = 0
    const codes = await Promise.all(
      Array.from({ length: 8 }, () =>
        codeOf(
          withLock(path, 'a/b', async () => {
            most = Math.max(most, ++inside)
            await new Promise((resolve) => setTimeout(resolve, 100))
            inside--
          }),
        ),
      ),
    )
    expect(most).to.equal(1)
    expect(codes).to.include(null)
    expect(codes.filter((code) => code !== null && code !== 'E_LOCKED')).to.deep.equal([])
  })
})
