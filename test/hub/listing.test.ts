import { expect } from 'chai'
import fc from 'fast-check'
import { utf8 } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { FileHasher } from '../../src/hub/digests.ts'
import { filePath, parseListing } from '../../src/hub/listing.ts'
import { textsOf, weightsOf } from '../../src/hub/selection.ts'
import { expectRejects } from '../support/expect-error.ts'

const sha = 'a'.repeat(40)
const blobId = 'b'.repeat(40)
const text = (rfilename: string): object => ({ rfilename, size: 3, blobId })
const large = (rfilename: string): object => ({
  ...text(rfilename),
  lfs: { sha256: 'c'.repeat(64), size: 9, pointerSize: 134 },
})
const listed = (...paths: string[]) => paths.map((path) => ({ path, size: 1 }))
const pathsOf = (files: readonly { path: string }[]): string[] => files.map((f) => f.path)

describe('a hub’s listing', () => {
  it('gives the commit, and each file’s size and digest; those of LFS where a file is large', () => {
    const json = {
      sha,
      gated: 'manual',
      siblings: [text('config.json'), large('model.safetensors'), { rfilename: 'x' }],
    }
    expect(parseListing(json, 'o/n')).to.deep.equal({
      commit: sha,
      files: [
        { path: 'config.json', size: 3, expected: { kind: 'git', hex: blobId } },
        { path: 'model.safetensors', size: 9, expected: { kind: 'sha256', hex: 'c'.repeat(64) } },
      ],
    })
  })

  const wrong: [name: string, json: unknown, message: RegExp][] = [
    ['no object', null, /not as expected/],
    ['no commit', { siblings: [text('a')] }, /sha/],
    ['a commit that is none', { sha: 'main', siblings: [text('a')] }, /sha/],
    ['no files', { sha, siblings: [] }, /no file with size and digest/],
    ['no sizes', { sha, siblings: [{ rfilename: 'config.json' }] }, /no file with size and digest/],
    ['a negative size', { sha, siblings: [{ ...text('a'), size: -1 }] }, /siblings\.0\.size/],
    ['a size past what numbers can tell', { sha, siblings: [{ ...text('a'), size: 2 ** 60 }] }, /siblings\.0\.size/],
    ['a digest that is none', { sha, siblings: [{ ...text('a'), blobId: '../../x' }] }, /siblings\.0\.blobId/],
    ['a path that leads out', { sha, siblings: [text('../config.json')] }, /the path "\.\.\/config\.json"/],
    ['an absolute path', { sha, siblings: [text('/etc/passwd')] }, /which no repository holds/],
    ['a path twice', { sha, siblings: [text('config.json'), text('config.json')] }, /twice/],
  ]
  for (const [name, json, message] of wrong) {
    it(`is refused with ${name}`, () => expectRejects(() => parseListing(json, 'o/n'), 'E_HUB', message))
  }

  it('is a listing or E_HUB, whatever the hub answers', () => {
    const sibling = fc.record(
      {
        rfilename: fc.oneof(fc.string(), fc.constantFrom('config.json', '../a', 'a/b')),
        size: fc.oneof(fc.integer(), fc.double(), fc.string()),
        blobId: fc.oneof(fc.constant(blobId), fc.string()),
        lfs: fc.oneof(fc.constant(null), fc.record({ size: fc.integer(), sha256: fc.constant('c'.repeat(64)) })),
      },
      { requiredKeys: [] },
    )
    const json = fc.oneof(fc.jsonValue(), fc.record({ sha: fc.constantFrom(sha, 'x'), siblings: fc.array(sibling) }))
    fc.assert(
      fc.property(json, (value) => {
        try {
          return parseListing(value, 'o/n').files.every((f) => f.size >= 0 && !f.path.split('/').includes('..'))
        } catch (error) {
          return isCoveyError(error, 'E_HUB')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('has addresses that stay in the repository at one commit', () => {
    expect(filePath('o/n', sha, 'a b#?.txt')).to.equal(`/o/n/resolve/${sha}/a%20b%23%3F.txt`)
  })
})

describe('the files of a repository that are wanted', () => {
  it('are those that training and serving need, and the terms', () => {
    const all = [
      'config.json',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'special_tokens_map.json',
      'chat_template.jinja',
      'README.md',
      'LICENSE',
      'LICENSE.txt',
      'NOTICE',
      'model.safetensors',
    ]
    const others = [
      'pytorch_model.bin',
      'vocab.json',
      'onnx/config.json',
      'model-q4.gguf',
      'consolidated.safetensors',
      'optimizer.pt',
      'READMEevil',
      'modeling.py',
    ]
    const files = listed(...all, ...others)
    expect([...pathsOf(textsOf(files, 'o/n')), ...pathsOf(weightsOf(files, null, 'o/n'))]).to.deep.equal(all)
  })

  it('are the shards that the index names, where the weights are in shards', () => {
    const files = listed(
      'config.json',
      'model.safetensors.index.json',
      'a.safetensors',
      'b.safetensors',
      'c.safetensors',
    )
    expect(pathsOf(textsOf(files, 'o/n'))).to.deep.equal(['config.json', 'model.safetensors.index.json'])
    const index = { weight_map: { x: 'b.safetensors', y: 'a.safetensors', z: 'b.safetensors' } }
    expect(pathsOf(weightsOf(files, index, 'o/n'))).to.deep.equal(['b.safetensors', 'a.safetensors'])
  })

  it('say what is missing', async () => {
    await expectRejects(
      () => textsOf(listed('model.safetensors'), 'o/n'),
      'E_MODEL_FILE',
      /expected config\.json, found model/,
    )
    await expectRejects(
      () => textsOf(listed('config.json', 'pytorch_model.bin'), 'o/n'),
      'E_MODEL_FILE',
      /weights in safetensors .*found config\.json, pytorch_model\.bin/,
    )
    const error = await expectRejects(() => textsOf(listed('\u001b[2Jboo'), 'o/n'), 'E_MODEL_FILE', /found nothing/)
    expect(error.message).not.to.include('\u001b')
  })

  const files = listed(
    'config.json',
    'model.safetensors.index.json',
    'a.safetensors',
    '../a.safetensors',
    'sub/a.safetensors',
    'a.bin',
  )
  const indices: [name: string, index: unknown][] = [
    ['nothing', null],
    ['no map', { weight_map: 7 }],
    ['no files', { weight_map: {} }],
    ['a path that leads out', { weight_map: { x: '../a.safetensors' } }],
    ['a path into a folder', { weight_map: { x: 'sub/a.safetensors' } }],
    ['another kind of file', { weight_map: { x: 'a.bin' } }],
    ['a file that is not there', { weight_map: { x: 'b.safetensors' } }],
    ['something else than names', { weight_map: { x: 1 } }],
    ['too many', { weight_map: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, `${i}.safetensors`])) }],
  ]
  for (const [name, index] of indices) {
    it(`are refused when the index names ${name}`, () =>
      expectRejects(() => weightsOf(files, index, 'o/n'), 'E_MODEL_FILE', /model\.safetensors\.index\.json/))
  }
})

describe('digests', () => {
  it('are sha256, and git’s own names of blobs', () => {
    // echo hello | git hash-object --stdin; echo hello | sha256sum
    const git = 'ce013625030ba8dba906f756967f9e9ca394464a'
    const sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'
    const hasher = new FileHasher(6, { kind: 'git', hex: git })
    hasher.update(utf8.encode('hel'))
    expect(hasher.fits()).to.equal(false)
    hasher.update(utf8.encode('lo\n'))
    expect([hasher.found(), hasher.sha256(), hasher.fits()]).to.deep.equal([git, sha256, true])
    const plain = new FileHasher(6, { kind: 'sha256', hex: git.padEnd(64, '0') })
    plain.update(utf8.encode('hello\n'))
    expect([plain.found(), plain.fits()]).to.deep.equal([sha256, false])
  })
})
