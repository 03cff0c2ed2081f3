import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { utf8 } from '../../src/base/bytes.ts'
import { CoveyError, type ErrorCode } from '../../src/base/errors.ts'
import { redirectTarget } from '../../src/hub/http.ts'
import { placesOf } from '../../src/hub/places.ts'
import { pullModel } from '../../src/hub/pull.ts'
import { expectRejects } from '../support/expect-error.ts'
import {
  anyModel,
  COMMIT,
  ID,
  pullOptions,
  randomBytes,
  shardedRepo,
  WEIGHTS,
  weightsPart,
  wholeRepo,
} from '../support/hub-fixtures.ts'
import { HubServer, type Trouble } from '../support/hub-server.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const SIZE = 400_000

describe('what pullModel refuses', () => {
  const tempFolder = useTempFolders()
  let server: HubServer
  beforeEach(async () => {
    server = await HubServer.start()
    server.repos.set(ID, wholeRepo())
  })
  afterEach(() => server.stop())

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
      expect((await stat(weightsPart(models))).size).to.equal(0)
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
})
