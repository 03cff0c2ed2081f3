import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { sha256 } from '../../src/base/bytes.ts'
import { BLOB_FOLDER, readBlobFile } from '../../src/store/blob-files.ts'
import { diskError } from '../../src/store/disk-error.ts'
import { openStore } from '../../src/store/open-store.ts'
import { codeOf } from '../support/code-of.ts'
import { storeBehavior } from './store.behavior.ts'

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'covey-store-'))
const child = join(import.meta.dirname, 'store-child.ts')

storeBehavior('on disk', async () => {
  const dir = await temporary()
  return {
    open: () => openStore(dir),
    damage: (digest, bytes) => writeFile(join(dir, BLOB_FOLDER, digest), bytes),
    remove: () => rm(dir, { recursive: true }),
  }
})

describe('store on disk', () => {
  let dir: string
  beforeEach(async () => {
    dir = await temporary()
  })
  afterEach(() => rm(dir, { recursive: true }))

  it('kill -9 in the middle of writing leaves everything acknowledged and nothing broken', async () => {
    for (let kill = 0; kill < 2; kill++) {
      const writer = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
      let last = ''
      for await (const line of createInterface({ input: writer.stdout })) {
        if (line === 'open') setTimeout(() => writer.kill('SIGKILL'), 150 + 70 * kill)
        else last = line
      }
      const [i, digest] = last.split(' ') as [string, string]
      const store = await openStore(dir)
      const decided = []
      for await (const [, n] of store.journal.list<number>('n/')) decided.push(n)
      expect(decided.length).to.be.greaterThan(Number(i))
      expect(decided).to.deep.equal(decided.map((_, n) => n))
      expect(await store.blobs.get(digest, 1e6)).to.have.length(300_000)
      expect((await store.facts.get<{ i: number }>('last'))?.i).to.be.within(Number(i), Number(i) + 1)
      for await (const blob of store.blobs.list()) expect(await store.blobs.size(blob.digest)).to.equal(300_000)
      const partial = await store.blobs.partial(sha256('never finished'), 100_000_000, 100_000_000)
      expect(partial.have).to.be.at.least(1000 * (Number(i) + 1))
      await partial.close()
      expect((await readdir(join(dir, BLOB_FOLDER))).filter((name) => name.endsWith('.tmp'))).to.deep.equal([])
      await store.close()
    }
  })

  it('names the process that has the folder', async () => {
    const other = spawn(process.execPath, [child, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => other.once('exit', resolve))
    await new Promise((resolve) => other.stdout.once('data', resolve))
    const error = await openStore(dir).then(
      () => null,
      (e: { code: string; message: string }) => e,
    )
    other.kill('SIGKILL')
    await ended
    expect(error?.code).to.equal('E_LOCKED')
    expect(error?.message).to.include(`process ${other.pid} uses`)
    await (await openStore(dir)).close()
  })

  it('a file in the way, and a file in place of the blobs, are E_DISK with path and errno', async () => {
    await writeFile(join(dir, 'file'), '')
    expect(await codeOf(openStore(join(dir, 'file', 'sub')))).to.equal('E_DISK')
    await mkdir(join(dir, 'ok'))
    await writeFile(join(dir, 'ok', BLOB_FOLDER), '')
    expect(await codeOf(openStore(join(dir, 'ok')))).to.equal('E_DISK')
    await rm(join(dir, 'ok', BLOB_FOLDER))
    await (await openStore(join(dir, 'ok'))).close()
  })

  it('a disk that takes no more bytes is E_DISK and loses nothing', async () => {
    // RLIMIT_FSIZE stands for the full disk: writes past it fail with EFBIG
    const script = `
      const { openStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/store/open-store.ts'))})
      const store = await openStore(process.argv[1])
      const small = await store.blobs.put(new Uint8Array(1000))
      const error = await store.blobs.put(new Uint8Array(9000000)).catch((e) => e)
      const fact = await store.facts.put('a', 'x'.repeat(9000000)).catch((e) => e)
      console.log(JSON.stringify([small, error.code, error.data?.errno, fact.code, (await store.blobs.get(small, 1000)).length]))
      process.exit(0)`
    // bash counts ulimit -f in KiB; an ignored SIGXFSZ is inherited
    const run = spawn(
      'bash',
      ['-c', `trap '' XFSZ; ulimit -f 2000; exec "$0" --input-type=module -e "$1" "$2"`, process.execPath, script, dir],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let out = ''
    for await (const text of run.stdout) out += String(text)
    expect(JSON.parse(out)).to.deep.equal([sha256(new Uint8Array(1000)), 'E_DISK', 'EFBIG', 'E_DISK', 1000])
    const store = await openStore(dir)
    expect(await store.facts.get('a')).to.equal(undefined)
    expect(await store.blobs.get(sha256(new Uint8Array(1000)), 1000)).to.have.length(1000)
    await store.close()
  })

  it('errno becomes a remedy', () => {
    for (const [code, words] of [
      ['ENOSPC', 'free space'],
      ['EROFS', 'read-only'],
      ['EACCES', 'permission'],
    ] as const) {
      const error = diskError(Object.assign(new Error(`${code}: write`), { code }), 'some/path')
      expect(error.code).to.equal('E_DISK')
      expect(error.data).to.deep.equal({ path: 'some/path', errno: code })
      expect(error.message).to.include('some/path').and.to.include(words)
    }
  })

  it('a blob can be read while another process has the store', async () => {
    const store = await openStore(dir)
    const digest = await store.blobs.put(new Uint8Array(10))
    expect(await readBlobFile(dir, digest)).to.have.length(10)
    expect(await codeOf(readBlobFile(dir, digest, 9))).to.equal('E_TOO_LARGE')
    expect(await codeOf(readBlobFile(dir, sha256('none')))).to.equal('E_BLOB_UNAVAILABLE')
    await writeFile(join(dir, BLOB_FOLDER, digest), 'other')
    expect(await codeOf(readBlobFile(dir, digest))).to.equal('E_CORRUPT')
    await store.close()
  })
})
