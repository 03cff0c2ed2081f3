import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { sha256 } from '../../src/base/bytes.ts'
import { importModel } from '../../src/hub/import.ts'
import { listModels, removeModel } from '../../src/hub/library.ts'
import { HUB_LIMITS } from '../../src/hub/limits.ts'
import { withLock } from '../../src/hub/lock.ts'
import { MANIFEST_FILE, PLAN_FILE, readManifest } from '../../src/hub/manifest.ts'
import { folderOf, placesOf } from '../../src/hub/places.ts'
import { checkFiles } from '../../src/hub/verify.ts'
import { expectRejects } from '../support/expect-error.ts'
import { anyModel, FACTS, shardedRepo } from '../support/hub-fixtures.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const NAME = 'local/tiny'
const SHARD = 'model-00001-of-00002.safetensors'

describe('the library of models', () => {
  const tempFolder = useTempFolders()

  async function sourceFolder(): Promise<string> {
    const dir = await tempFolder()
    for (const [path, bytes] of Object.entries(shardedRepo().files)) {
      if (path.includes('/')) continue
      await writeFile(join(dir, path), bytes)
    }
    return dir
  }

  const take = async (models: string, folder: string, link = false, name = NAME) =>
    importModel({ models, folder, name, link, checks: anyModel })

  describe('takes a folder', () => {
    it('by copying what is needed, with its digests', async () => {
      const [models, folder] = [await tempFolder(), await sourceFolder()]
      const { dir, manifest, fresh } = await take(models, folder)
      expect(manifest).to.deep.include({ name: NAME, source: { kind: 'folder', folder }, model: FACTS })
      expect((await readdir(dir)).sort()).to.deep.equal(
        [
          'LICENSE',
          'README.md',
          'config.json',
          MANIFEST_FILE,
          SHARD,
          SHARD.replace('1-', '2-'),
          'model.safetensors.index.json',
          'tokenizer.json',
        ].sort(),
      )
      for (const { path, sha256: digest } of manifest.files)
        expect(sha256(await readFile(join(dir, path)))).to.equal(digest)
      expect(fresh).to.equal(manifest.files.reduce((n, f) => n + f.size, 0))
      expect((await stat(join(dir, SHARD))).ino).not.to.equal((await stat(join(folder, SHARD))).ino)
    })

    it('by giving its files a second name, links of a cache followed', async () => {
      const [models, blobs, folder] = [await tempFolder(), await sourceFolder(), await tempFolder()]
      for (const name of await readdir(blobs)) await symlink(join(blobs, name), join(folder, name))
      const { dir } = await take(models, folder, true)
      expect((await stat(join(dir, SHARD))).ino).to.equal((await stat(join(blobs, SHARD))).ino)
      // the model is there without the folder that it came from
      await rm(folder, { recursive: true })
      const { files } = (await readManifest(dir)) ?? { files: [] }
      expect((await checkFiles(dir, files, undefined)).map((f) => f.problem)).to.deep.equal(files.map(() => null))
    })

    it('again, in place of the one of that name', async () => {
      const [models, folder] = [await tempFolder(), await sourceFolder()]
      await take(models, folder)
      await writeFile(join(folder, 'README.md'), 'other words')
      const { dir } = await take(models, folder)
      expect(await readFile(join(dir, 'README.md'), 'utf8')).to.equal('other words')
      expect((await readdir(models)).sort()).to.deep.equal(['.lock', '.partial', 'local'])
    })

    it('or says what it lacks', async () => {
      const models = await tempFolder()
      const empty = await tempFolder()
      await expectRejects(() => take(models, empty), 'E_MODEL_FILE', /expected config\.json, found nothing/)
      await expectRejects(() => take(models, join(empty, 'none')), 'E_DISK')
      await expectRejects(() => take(models, empty, false, '../x'), 'E_ARGUMENT')
      const folder = await sourceFolder()
      await truncate(join(folder, 'model.safetensors.index.json'), 5)
      await expectRejects(() => take(models, folder), 'E_MODEL_FILE', /expected JSON/)
      const limits = { ...HUB_LIMITS, totalBytes: 10 }
      await expectRejects(
        async () =>
          importModel({ models, folder: await sourceFolder(), name: NAME, link: false, checks: anyModel, limits }),
        'E_TOO_LARGE',
      )
      expect(await listModels(models)).to.deep.equal([])
    })

    it('until it is stopped', async () => {
      const [models, folder] = [await tempFolder(), await sourceFolder()]
      const signal = AbortSignal.abort()
      await expectRejects(
        () => importModel({ models, folder, name: NAME, link: false, checks: anyModel, signal }),
        'E_ABORTED',
      )
      expect(folderOf(models, NAME)).to.equal(null)
    })
  })

  it('lists what is whole, what is damaged and what is on its way', async () => {
    const models = await tempFolder()
    expect(await listModels(models)).to.deep.equal([])
    expect(await listModels(join(models, 'none'))).to.deep.equal([])
    const folder = await sourceFolder()
    for (const name of ['b/whole', 'b/short', 'a/broken', 'b/gone']) await take(models, folder, true, name)
    await rm(join(models, 'b', 'short', 'LICENSE'))
    await writeFile(join(models, 'b', 'short', 'LICENSE'), 'x')
    await writeFile(join(models, 'a', 'broken', MANIFEST_FILE), '{"version":2}')
    await rm(join(models, 'b', 'gone', SHARD))
    const { partial } = placesOf(models, 'c/begun')
    await mkdir(partial, { recursive: true })
    await writeFile(
      join(partial, PLAN_FILE),
      JSON.stringify({
        version: 1,
        name: 'c/begun',
        source: { kind: 'folder', folder },
        files: [
          { path: 'x', size: 10 },
          { path: 'y', size: 5 },
        ],
      }),
    )
    await mkdir(join(models, 'b', 'by-hand'))
    const listed = await listModels(models)
    expect(listed.map((m) => [m.name, m.state])).to.deep.equal([
      ['a/broken', 'damaged'],
      ['b/gone', 'damaged'],
      ['b/short', 'damaged'],
      ['b/whole', 'complete'],
      ['c/begun', 'partial'],
    ])
    expect(listed[0]?.problem).to.match(/covey\.manifest\.json: version/)
    expect(listed[1]?.problem).to.equal(`${SHARD}: expected this file, there is none`)
    expect(listed[2]?.problem).to.equal('LICENSE: expected 17 bytes, got 1')
    expect(listed[3]).to.deep.include({ model: FACTS, problem: null })
    expect(listed[4]).to.include({ totalBytes: 15 })
  })

  it('finds a byte that has changed', async () => {
    const models = await tempFolder()
    const { dir, manifest } = await take(models, await sourceFolder())
    const bytes = new Uint8Array(await readFile(join(dir, SHARD)))
    bytes[1234] = (bytes[1234] ?? 0) ^ 1
    await writeFile(join(dir, SHARD), bytes)
    await rm(join(dir, 'tokenizer.json'))
    await mkdir(join(dir, 'tokenizer.json'))
    let read = 0
    const bad = (await checkFiles(dir, manifest.files, undefined, (n) => (read += n))).filter((f) => f.problem !== null)
    expect(bad.map((f) => f.path)).to.deep.equal(['tokenizer.json', SHARD])
    expect(bad[1]?.problem).to.equal(
      `expected the sha256 ${sha256(shardedRepo().files[SHARD] as Uint8Array)}, got ${sha256(bytes)}`,
    )
    expect(read).to.be.greaterThan(500_000)
    await expectRejects(() => checkFiles(dir, manifest.files, AbortSignal.abort()), 'E_ABORTED')
  })

  it('removes a model, whole or begun, and only that', async () => {
    const models = await tempFolder()
    const folder = await sourceFolder()
    for (const name of ['a/one', 'a/two']) await take(models, folder, true, name)
    const { partial, lock } = placesOf(models, 'a/one')
    await mkdir(partial, { recursive: true })
    await writeFile(join(partial, 'x.part'), '12345')
    await withLock(lock, 'a/one', () => expectRejects(() => removeModel(models, 'a/one'), 'E_LOCKED'))
    const bytes = await removeModel(models, 'a/one')
    expect(bytes).to.be.greaterThan(500_005)
    expect((await listModels(models)).map((m) => m.name)).to.deep.equal(['a/two'])
    expect(existsSync(partial)).to.equal(false)
    expect(existsSync(join(folder, SHARD))).to.equal(true)
    await expectRejects(() => removeModel(models, 'a/one'), 'E_ARGUMENT', /has no model a\/one/)
    await expectRejects(() => removeModel(models, '../../etc'), 'E_ARGUMENT')
  })

  it('believes no manifest that names files elsewhere', async () => {
    const models = await tempFolder()
    const { dir } = await take(models, await sourceFolder())
    const path = join(dir, MANIFEST_FILE)
    const manifest = JSON.parse(await readFile(path, 'utf8'))
    for (const wrong of ['../../x', '/etc/passwd', 'a/b']) {
      await writeFile(path, JSON.stringify({ ...manifest, files: [{ path: wrong, size: 1, sha256: 'a'.repeat(64) }] }))
      await expectRejects(() => readManifest(dir), 'E_CORRUPT', /expected a file name/)
    }
    await writeFile(path, ' '.repeat(1024 * 1024 + 1))
    await expectRejects(() => readManifest(dir), 'E_CORRUPT', /at most 1048576 bytes/)
  })
})
