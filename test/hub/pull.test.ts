import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { keepsSecrets } from '../../src/hub/http.ts'
import { MANIFEST_FILE, readManifest } from '../../src/hub/manifest.ts'
import { placesOf } from '../../src/hub/places.ts'
import { pullModel } from '../../src/hub/pull.ts'
import { expectRejects } from '../support/expect-error.ts'
import {
  anyModel,
  COMMIT,
  FACTS,
  ID,
  pullOptions,
  shardedRepo,
  WEIGHTS,
  weightsPart,
  wholeRepo,
} from '../support/hub-fixtures.ts'
import { HubServer, type Trouble } from '../support/hub-server.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const SIZE = 400_000

describe('pullModel', () => {
  const tempFolder = useTempFolders()
  let server: HubServer
  beforeEach(async () => {
    server = await HubServer.start()
    server.repos.set(ID, wholeRepo())
  })
  afterEach(() => server.stop())

  /** What must hold after any pull that succeeded. */
  async function assertWhole(models: string): Promise<void> {
    const { folder, partial } = placesOf(models, ID)
    const manifest = await readManifest(folder)
    const files = server.repos.get(ID)?.files ?? {}
    expect((await readdir(folder)).sort()).to.deep.equal(
      [...(manifest?.files ?? []).map((f) => f.path), MANIFEST_FILE].sort(),
    )
    for (const { path, size, sha256: digest } of manifest?.files ?? []) {
      const bytes = new Uint8Array(await readFile(join(folder, path)))
      expect(Buffer.compare(bytes, files[path] as Uint8Array), path).to.equal(0)
      expect([size, digest], path).to.deep.equal([bytes.byteLength, sha256(bytes)])
    }
    expect(existsSync(partial)).to.equal(false)
  }

  it('fetches what is needed, all of one commit, a few files at once', async () => {
    server.repos.set(ID, shardedRepo())
    const models = await tempFolder()
    const progress: { done: number; total: number; fresh: number }[] = []
    const options = {
      ...pullOptions(server, models, { parallel: 2 }),
      onProgress: (p: (typeof progress)[0]) => progress.push(p),
    }
    const { manifest, dir, fresh, unchanged } = await pullModel(options)
    await assertWhole(models)
    expect(dir).to.equal(join(models, 'acme', 'tiny'))
    expect(unchanged).to.equal(false)
    expect(manifest.files.map((f) => f.path)).to.deep.equal([
      'README.md',
      'LICENSE',
      'config.json',
      'tokenizer.json',
      'model.safetensors.index.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ])
    expect(manifest.source).to.deep.equal({
      kind: 'hub',
      endpoint: server.url,
      id: ID,
      revision: 'main',
      commit: COMMIT,
    })
    expect(manifest.model).to.deep.equal(FACTS)
    const bytes = manifest.files.reduce((n, f) => n + f.size, 0)
    expect(progress.at(-1)).to.deep.equal({ done: bytes, total: bytes, fresh: bytes })
    expect(fresh).to.equal(bytes)
    const asked = server.seen.filter((s) => s.server === 'hub' && s.path.includes('/resolve/'))
    expect(asked.every((s) => s.path.startsWith(`/${ID}/resolve/${COMMIT}/`))).to.equal(true)
    expect(server.mostAtOnce).to.be.within(1, 2)
  })

  describe('and a token', () => {
    it('sends it to the hub and to no place that the hub points to', async () => {
      server.token = 'hf_secret'
      const models = await tempFolder()
      await pullModel({ ...pullOptions(server, models), token: 'hf_secret' })
      const by = (name: string) => [
        ...new Set(server.seen.filter((s) => s.server === name).map((s) => s.authorization)),
      ]
      expect(by('hub')).to.deep.equal(['Bearer hf_secret'])
      expect(by('store')).to.deep.equal([null])
    })

    it('does not send it again when a stranger points back', async () => {
      server.trouble(WEIGHTS, { kind: 'redirect', to: `${server.url}/${ID}/resolve/${COMMIT}/config.json` })
      const models = await tempFolder()
      await expectRejects(() => pullModel({ ...pullOptions(server, models), token: 'hf_secret' }), 'E_HUB_DIGEST')
      const last = server.seen.filter((s) => s.server === 'hub').at(-1)
      expect(last).to.include({ path: `/${ID}/resolve/${COMMIT}/config.json`, authorization: null })
    })

    it('does not send it in the clear to another machine', async () => {
      // all of 127.0.0.0/8 is this machine, but only 127.0.0.1 is known to be
      const other = await HubServer.start('127.0.0.2')
      try {
        other.repos.set(ID, wholeRepo())
        await pullModel({ ...pullOptions(other, await tempFolder()), token: 'hf_secret' })
        expect(other.seen.map((s) => s.authorization)).to.not.include('Bearer hf_secret')
        expect(other.seen.length).to.be.greaterThan(3)
      } finally {
        await other.stop()
      }
    })

    const addresses: [address: string, sent: boolean][] = [
      ['https://huggingface.co', true],
      ['https://mirror.example:8443/hf', true],
      ['http://localhost:8080', true],
      ['http://[::1]:8080', true],
      ['http://mirror.example', false],
      ['http://127.0.0.1.example', false],
    ]
    for (const [address, sent] of addresses) {
      it(`${sent ? 'may' : 'may not'} go to ${address}`, () => expect(keepsSecrets(address)).to.equal(sent))
    }
  })

  describe('goes on where it was', () => {
    it('when a connection breaks', async () => {
      server.trouble(WEIGHTS, { kind: 'cut', after: 100_000 }, { kind: 'cut', after: 150_000 })
      const models = await tempFolder()
      const options = pullOptions(server, models)
      await pullModel(options)
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal([null, 'bytes=100000-', 'bytes=250000-'])
      expect(server.sent.get(WEIGHTS)).to.equal(SIZE)
      // each got further than the one before
      expect(options.clock.waits).to.deep.equal([500, 500])
    })

    it('when a connection falls silent', async () => {
      server.trouble(WEIGHTS, { kind: 'stall', after: 120_000 })
      const models = await tempFolder()
      const reasons: string[] = []
      await pullModel({ ...pullOptions(server, models, { idle_ms: 1000 }), onRetry: (reason) => reasons.push(reason) })
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal([null, 'bytes=120000-'])
      expect(reasons).to.deep.equal([`${ID}/${WEIGHTS}: not a byte for 1 s`])
    })

    it('when a body ends early as if it were whole', async () => {
      server.trouble(WEIGHTS, { kind: 'short', after: 399_999 })
      const models = await tempFolder()
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal([null, 'bytes=399999-'])
    })

    it('when the address that it was sent to has expired', async () => {
      server.trouble(WEIGHTS, { kind: 'cut', after: 1000 }, { kind: 'status', status: 403 })
      const models = await tempFolder()
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      const hub = server.seen.filter((s) => s.server === 'hub' && s.path.endsWith(WEIGHTS))
      expect(hub.map((s) => s.range)).to.deep.equal([null, 'bytes=1000-', 'bytes=1000-'])
    })

    it('when a server takes no ranges: it reads what it has once more and drops it', async () => {
      server.trouble(
        WEIGHTS,
        { kind: 'cut', after: 100_000 },
        { kind: 'no-range', after: 250_000 },
        { kind: 'no-range' },
      )
      const models = await tempFolder()
      const options = pullOptions(server, models)
      const { fresh } = await pullModel(options)
      await assertWhole(models)
      expect(fresh).to.equal(Object.values(wholeRepo().files).reduce((n, f) => n + f.byteLength, 0))
    })

    it('in a second pull, after giving up on a server that takes no ranges and never gets further', async () => {
      const models = await tempFolder()
      server.trouble(
        WEIGHTS,
        { kind: 'cut', after: 100_000 },
        ...Array.from({ length: 3 }, () => ({ kind: 'no-range', after: 50_000 }) as const),
      )
      const options = pullOptions(server, models, { attempts: 4 })
      await expectRejects(() => pullModel(options), 'E_HUB', /other side closed|terminated|ended after/)
      expect((await stat(weightsPart(models))).size).to.equal(100_000)
      expect(existsSync(placesOf(models, ID).folder)).to.equal(false)
      server.sent.clear()
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      // what was whole and what was begun did not come again
      expect([...server.sent]).to.deep.equal([[WEIGHTS, SIZE - 100_000]])
    })

    it('after it was stopped', async () => {
      const models = await tempFolder()
      const stop = new AbortController()
      server.trouble(WEIGHTS, { kind: 'stall', after: 200_000 })
      const options = {
        ...pullOptions(server, models),
        signal: stop.signal,
        onProgress: ({ done }: { done: number }) => {
          if (done >= 200_000) stop.abort()
        },
      }
      await expectRejects(() => pullModel(options), 'E_ABORTED')
      const { size } = await stat(weightsPart(models))
      expect(size).to.be.within(1, 200_000)
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal([null, `bytes=${size}-`])
    })

    it('from the beginning when what it had was damaged', async () => {
      const models = await tempFolder()
      const part = weightsPart(models)
      await mkdir(placesOf(models, ID).partial, { recursive: true })
      await writeFile(part, new Uint8Array(1000))
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal(['bytes=1000-', null])
    })

    it('from the beginning when what it had is longer than the file', async () => {
      const models = await tempFolder()
      await mkdir(placesOf(models, ID).partial, { recursive: true })
      await writeFile(weightsPart(models), new Uint8Array(SIZE + 1))
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal([null])
    })
  })

  it('waits longer each time, and as long as it is asked to', async () => {
    const busy = (after?: string): Trouble => ({
      kind: 'status',
      status: after ? 429 : 503,
      ...(after ? { headers: { 'retry-after': after } } : {}),
    })
    server.trouble('/listing', busy(), busy(), busy('7'), busy('1000000'))
    const options = pullOptions(server, await tempFolder())
    await pullModel(options)
    expect(options.clock.waits).to.deep.equal([500, 1000, 7000, 300_000])
  })

  it('gives up on a hub that is not there', async () => {
    const options = pullOptions(server, await tempFolder(), { attempts: 3 })
    await server.stop()
    await expectRejects(() => pullModel(options), 'E_HUB', /ECONNREFUSED.*gave up after 3 tries/)
    server = await HubServer.start()
  })

  it('says that the disk is full, and which file did not fit', async function () {
    // only there can a test fill a disk
    if (!existsSync('/dev/full')) this.skip()
    const models = await tempFolder()
    await mkdir(placesOf(models, ID).partial, { recursive: true })
    await symlink('/dev/full', weightsPart(models))
    await expectRejects(
      () => pullModel(pullOptions(server, models)),
      'E_DISK',
      /model\.safetensors.*ENOSPC.*free space/,
    )
    expect(existsSync(placesOf(models, ID).folder)).to.equal(false)
  })

  describe('with a version there', () => {
    it('fetches nothing when it is the same and whole', async () => {
      const models = await tempFolder()
      await pullModel(pullOptions(server, models))
      server.sent.clear()
      const again = await pullModel(pullOptions(server, models))
      expect(again).to.include({ unchanged: true, fresh: 0 })
      expect(server.sent.size).to.equal(0)
      await assertWhole(models)
    })

    it('mends a file that was damaged, and only that', async () => {
      const models = await tempFolder()
      const { dir } = await pullModel(pullOptions(server, models))
      await appendFile(join(dir, 'tokenizer.json'), 'x')
      server.sent.clear()
      expect((await pullModel(pullOptions(server, models))).unchanged).to.equal(false)
      expect([...server.sent.keys()]).to.deep.equal(['tokenizer.json'])
      await assertWhole(models)
    })

    it('replaces a manifest that was damaged', async () => {
      const models = await tempFolder()
      const { dir } = await pullModel(pullOptions(server, models))
      await writeFile(join(dir, MANIFEST_FILE), '{')
      server.sent.clear()
      await pullModel(pullOptions(server, models))
      expect(server.sent.size).to.equal(0)
      await assertWhole(models)
    })

    it('fetches of a newer one what has changed', async () => {
      const models = await tempFolder()
      await pullModel(pullOptions(server, models))
      const { files } = wholeRepo()
      server.repos.set(ID, { commit: 'f'.repeat(40), files: { ...files, 'README.md': utf8.encode('new') } })
      server.sent.clear()
      const { manifest } = await pullModel(pullOptions(server, models))
      expect([...server.sent.keys()]).to.deep.equal(['README.md'])
      expect(manifest.source).to.include({ commit: 'f'.repeat(40) })
      await assertWhole(models)
    })

    it('keeps it until the newer one is whole', async () => {
      const models = await tempFolder()
      const { dir, manifest } = await pullModel(pullOptions(server, models))
      server.repos.set(ID, wholeRepo('f'.repeat(40)))
      server.trouble(WEIGHTS, { kind: 'cut', after: 10 }, { kind: 'status', status: 503 })
      await expectRejects(() => pullModel(pullOptions(server, models, { attempts: 2 })), 'E_HUB')
      expect(await readManifest(dir)).to.deep.equal(manifest)
      // another version is on its way meanwhile: what was begun of this one is not continued with it
      server.repos.set(ID, wholeRepo('e'.repeat(40)))
      await pullModel(pullOptions(server, models))
      expect(server.ranges(WEIGHTS).at(-1)).to.equal(null)
      await assertWhole(models)
    })
  })

  it('leaves a model to the one who works on it', async () => {
    const models = await tempFolder()
    let second: unknown
    const texts = async (): Promise<void> => {
      second = await pullModel(pullOptions(server, models)).catch((error: unknown) => error)
    }
    await pullModel({ ...pullOptions(server, models), checks: { ...anyModel, texts } })
    expect(second).to.be.instanceOf(CoveyError).and.include({ code: 'E_LOCKED' })
    await assertWhole(models)
  })
})
