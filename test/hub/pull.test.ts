import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { CoveyError, type ErrorCode } from '../../src/base/errors.ts'
import { keepsSecrets, redirectTarget } from '../../src/hub/http.ts'
import { MANIFEST_FILE, readManifest } from '../../src/hub/manifest.ts'
import { partName } from '../../src/hub/part-file.ts'
import { placesOf } from '../../src/hub/places.ts'
import { pullModel } from '../../src/hub/pull.ts'
import { expectRejects } from '../support/expect-error.ts'
import {
  anyModel,
  COMMIT,
  FACTS,
  ID,
  pullOptions,
  randomBytes,
  shardedRepo,
  wholeRepo,
} from '../support/hub-fixtures.ts'
import { HubServer, type Trouble } from '../support/hub-server.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const WEIGHTS = 'model.safetensors'
const SIZE = 400_000

describe('pullModel', () => {
  const tempFolder = useTempFolders()
  let server: HubServer
  beforeEach(async () => {
    server = await HubServer.start()
    server.repos.set(ID, wholeRepo())
  })
  afterEach(() => server.stop())

  const weights = (): Uint8Array => server.repos.get(ID)?.files[WEIGHTS] as Uint8Array
  const partOf = (models: string): string =>
    join(
      placesOf(models, ID).partial,
      partName({ path: WEIGHTS, size: SIZE, expected: { kind: 'sha256', hex: sha256(weights()) } }),
    )

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
      expect((await stat(partOf(models))).size).to.equal(100_000)
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
      const { size } = await stat(partOf(models))
      expect(size).to.be.within(1, 200_000)
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal([null, `bytes=${size}-`])
    })

    it('from the beginning when what it had was damaged', async () => {
      const models = await tempFolder()
      const part = partOf(models)
      await mkdir(placesOf(models, ID).partial, { recursive: true })
      await writeFile(part, new Uint8Array(1000))
      await pullModel(pullOptions(server, models))
      await assertWhole(models)
      expect(server.ranges(WEIGHTS)).to.deep.equal(['bytes=1000-', null])
    })

    it('from the beginning when what it had is longer than the file', async () => {
      const models = await tempFolder()
      await mkdir(placesOf(models, ID).partial, { recursive: true })
      await writeFile(partOf(models), new Uint8Array(SIZE + 1))
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

  describe('keeps nothing that is wrong:', () => {
    it('another digest', async () => {
      const models = await tempFolder()
      server.trouble(WEIGHTS, { kind: 'bytes', bytes: randomBytes(SIZE, 'forged') })
      await expectRejects(
        () => pullModel(pullOptions(server, models)),
        'E_HUB_DIGEST',
        /model\.safetensors: expected the sha256/,
      )
      expect(existsSync(placesOf(models, ID).folder)).to.equal(false)
      expect((await stat(partOf(models))).size).to.equal(0)
    })

    it('another digest of a file that git names', async () => {
      const models = await tempFolder()
      server.trouble('config.json', { kind: 'bytes', bytes: utf8.encode('{"architectures":["LlamaForCausalXX"]}') })
      await expectRejects(
        () => pullModel(pullOptions(server, models)),
        'E_HUB_DIGEST',
        /config\.json: expected the git digest/,
      )
      expect(existsSync(placesOf(models, ID).folder)).to.equal(false)
    })

    const sizes: [name: string, trouble: Trouble, message: RegExp][] = [
      ['a shorter file', { kind: 'bytes', bytes: randomBytes(100, 'x') }, /lists 400000 bytes, .* has 100/],
      ['a longer file', { kind: 'bytes', bytes: randomBytes(SIZE + 9, 'x') }, /lists 400000 bytes, .* has 400009/],
      [
        'a longer file that does not say so',
        { kind: 'bytes', bytes: randomBytes(SIZE + 9, 'x'), chunked: true },
        /expected 400000 bytes, got more/,
      ],
    ]
    for (const [name, trouble, message] of sizes) {
      it(name, async () => {
        const models = await tempFolder()
        server.trouble(WEIGHTS, trouble)
        await expectRejects(() => pullModel(pullOptions(server, models)), 'E_HUB_DIGEST', message)
        expect(existsSync(placesOf(models, ID).folder)).to.equal(false)
      })
    }

    it('a range that was not asked for', async () => {
      server.trouble(WEIGHTS, { kind: 'cut', after: 10 }, { kind: 'other-range' })
      await expectRejects(
        async () => pullModel(pullOptions(server, await tempFolder())),
        'E_HUB',
        /from 10 on, got bytes 11-/,
      )
    })

    it('a file that has become shorter', async () => {
      server.trouble(WEIGHTS, { kind: 'cut', after: 10 }, { kind: 'status', status: 416 })
      await expectRejects(async () => pullModel(pullOptions(server, await tempFolder())), 'E_HUB_DIGEST', /shorter/)
    })
  })

  describe('says what is wrong:', () => {
    const hub = (status: number, headers: Record<string, string> = {}): Trouble => ({ kind: 'status', status, headers })
    const cases: [
      name: string,
      where: string,
      trouble: Trouble,
      token: string | null,
      code: ErrorCode,
      message: RegExp,
    ][] = [
      [
        '401 without a token',
        '/listing',
        hub(401, { 'x-error-code': 'RepoNotFound' }),
        null,
        'E_HUB_ACCESS',
        /nobody without a token, or there is no such model/,
      ],
      [
        '401 with a token',
        '/listing',
        hub(401),
        'hf_x',
        'E_HUB_ACCESS',
        /refuses acme\/tiny with the token that was sent/,
      ],
      ['403', '/listing', hub(403, { 'x-error-message': 'Forbidden' }), 'hf_x', 'E_HUB_ACCESS', /\(Forbidden\)/],
      [
        'gated, without a token',
        `hub:${WEIGHTS}`,
        hub(401, { 'x-error-code': 'GatedRepo' }),
        null,
        'E_HUB_ACCESS',
        /gated: accept its terms.*no token was sent/,
      ],
      [
        'gated, with a token',
        'config.json',
        hub(403, { 'x-error-code': 'GatedRepo' }),
        'hf_x',
        'E_HUB_ACCESS',
        /gated.*the token that was sent has no access/,
      ],
      [
        'no such model',
        '/listing',
        hub(404, { 'x-error-code': 'RepoNotFound' }),
        'hf_x',
        'E_HUB_MISSING',
        /acme\/tiny: nothing there/,
      ],
      [
        'no such file',
        'tokenizer.json',
        hub(404, { 'x-error-code': 'EntryNotFound' }),
        null,
        'E_HUB_MISSING',
        /tokenizer\.json: no such file/,
      ],
      ['a status that is none of these', '/listing', hub(418), null, 'E_HUB', /answered 418/],
      [
        'words that would move the cursor',
        '/listing',
        hub(404, { 'x-error-message': 'a\u009b2Jb' }),
        null,
        'E_HUB_MISSING',
        /\(a 2Jb\)/,
      ],
      [
        'a redirect to no place',
        '/listing',
        { kind: 'redirect', to: 'file:///etc/passwd' },
        null,
        'E_HUB',
        /no http\(s\) address/,
      ],
      ['a redirect without a target', '/listing', hub(302), null, 'E_HUB', /no http\(s\) address/],
      [
        'a redirect with a password',
        '/listing',
        { kind: 'redirect', to: 'http://a:b@127.0.0.1/' },
        null,
        'E_HUB',
        /user and password/,
      ],
    ]
    for (const [name, where, trouble, token, code, message] of cases) {
      it(name, async () => {
        const models = await tempFolder()
        server.trouble(where, trouble)
        const error = await expectRejects(() => pullModel({ ...pullOptions(server, models), token }), code, message)
        expect(error.message).not.to.match(/hf_x|a:b|\u009b/)
      })
    }

    it('a revision that is not there', async () => {
      const repository = { endpoint: server.url, id: ID, revision: 'v9' }
      await expectRejects(
        async () => pullModel({ ...pullOptions(server, await tempFolder()), repository }),
        'E_HUB_MISSING',
        /no such revision \(Invalid rev id: v9\)/,
      )
    })

    it('redirects without end', async () => {
      server.trouble(
        '/listing',
        ...Array.from({ length: 9 }, () => ({ kind: 'redirect', to: `/api/models/${ID}/revision/main` }) as const),
      )
      await expectRejects(
        async () => pullModel(pullOptions(server, await tempFolder())),
        'E_HUB',
        /at most 5 redirects/,
      )
      expect(server.seen.length).to.equal(6)
    })

    it('from https to http', async () => {
      const from = new URL('https://hub.example/a')
      await expectRejects(
        () => redirectTarget('http://store.example/?signature=s', from, 'o/n'),
        'E_HUB',
        /to plain http at store\.example$/,
      )
      expect(redirectTarget('/b', from, 'o/n').href).to.equal('https://hub.example/b')
    })

    it('a listing that is no JSON', async () => {
      server.listing = () => undefined
      await expectRejects(async () => pullModel(pullOptions(server, await tempFolder())), 'E_HUB', /expected JSON/)
    })
  })

  describe('refuses before it fetches:', () => {
    it('a listing without end', async () => {
      server.listing = (json) => ({ ...json, more: 'x'.repeat(5000) })
      await expectRejects(
        async () => pullModel(pullOptions(server, await tempFolder(), { listingBytes: 4000 })),
        'E_TOO_LARGE',
        /at most 4000 bytes/,
      )
    })

    it('a text of absurd size', async () => {
      await expectRejects(
        async () => pullModel(pullOptions(server, await tempFolder(), { textBytes: 20 })),
        'E_TOO_LARGE',
        /config\.json: expected at most 20 bytes, got 38/,
      )
      expect(server.ranges('config.json')).to.deep.equal([])
    })

    it('weights of absurd size', async () => {
      const models = await tempFolder()
      await expectRejects(
        () => pullModel(pullOptions(server, models, { totalBytes: 100_000 })),
        'E_TOO_LARGE',
        /at most 100000 bytes/,
      )
      expect(server.ranges(WEIGHTS)).to.deep.equal([])
    })

    it('more than the disk has room for', async () => {
      server.listing = (json) => ({
        ...json,
        siblings: (json.siblings as { rfilename: string; lfs?: object }[]).map((s) =>
          s.lfs ? { ...s, lfs: { ...s.lfs, size: 1e15 } } : s,
        ),
      })
      await expectRejects(
        async () => pullModel(pullOptions(server, await tempFolder(), { totalBytes: 1e16 })),
        'E_DISK',
        /1000000000000000 bytes are to come, \d+ are free/,
      )
      expect(server.ranges(WEIGHTS)).to.deep.equal([])
    })

    it('a model that the checks refuse, leaving nothing', async () => {
      const models = await tempFolder()
      const texts = async (dir: string): Promise<void> => {
        expect(await readFile(join(dir, 'config.json'), 'utf8')).to.include('Llama')
        throw new CoveyError('E_MODEL_ARCHITECTURE', 'not this one')
      }
      await expectRejects(
        () => pullModel({ ...pullOptions(server, models), checks: { ...anyModel, texts } }),
        'E_MODEL_ARCHITECTURE',
      )
      expect(server.ranges(WEIGHTS)).to.deep.equal([])
      expect(existsSync(placesOf(models, ID).partial)).to.equal(false)
    })

    it('a path that leads out of the folder', async () => {
      const models = join(await tempFolder(), 'models')
      server.listing = (json) => ({
        ...json,
        siblings: [
          ...(json.siblings as object[]),
          { rfilename: '../../evil.safetensors', size: 3, blobId: 'a'.repeat(40) },
        ],
      })
      await expectRejects(
        () => pullModel(pullOptions(server, models)),
        'E_HUB',
        /evil\.safetensors", which no repository holds/,
      )
      expect(existsSync(models)).to.equal(false)
    })

    it('shards outside the folder', async () => {
      const models = join(await tempFolder(), 'models')
      const files = {
        ...shardedRepo().files,
        'model.safetensors.index.json': utf8.encode('{"weight_map":{"a":"../../evil.safetensors"}}'),
      }
      server.repos.set(ID, { commit: COMMIT, files })
      await expectRejects(
        () => pullModel(pullOptions(server, models)),
        'E_MODEL_FILE',
        /names "\.\.\/\.\.\/evil\.safetensors"/,
      )
      expect(existsSync(placesOf(models, ID).partial)).to.equal(false)
    })
  })

  it('says that the disk is full, and which file did not fit', async function () {
    // only there can a test fill a disk
    if (!existsSync('/dev/full')) this.skip()
    const models = await tempFolder()
    await mkdir(placesOf(models, ID).partial, { recursive: true })
    await symlink('/dev/full', partOf(models))
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
