import { dirname, join, relative, resolve, sep } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { isCoveyError } from '../../src/base/errors.ts'
import {
  assertModelName,
  assertRevision,
  isFileName,
  isModelName,
  isRepositoryPath,
  pathInside,
} from '../../src/hub/names.ts'
import { partName } from '../../src/hub/part-file.ts'
import { placesOf } from '../../src/hub/places.ts'
import { DEFAULT_ENDPOINT, parseEndpoint, parseRepository } from '../../src/hub/source.ts'
import { expectRejects } from '../support/expect-error.ts'

const DIR = resolve('/somewhere/models')

/** Pieces that paths are made of when somebody means harm. */
const piece = fc.constantFrom(
  '..',
  '.',
  '',
  '/',
  '\\',
  '\0',
  'a',
  'model.safetensors',
  '~',
  'C:',
  '%2e%2e',
  ' ',
  '\n',
  '-',
  'ﬀ',
  '...',
)
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(piece, { maxLength: 6 }).map((parts) => parts.join('')),
  fc.array(piece, { maxLength: 6 }).map((parts) => parts.join('/')),
)

describe('names of files from a hub', () => {
  it('lie in the folder or are refused, whatever they are', () => {
    fc.assert(
      fc.property(hostile, (name) => {
        let path: string
        try {
          path = pathInside(DIR, name)
        } catch (error) {
          return isCoveyError(error, 'E_ARGUMENT')
        }
        return isFileName(name) && dirname(path) === DIR && relative(DIR, path) === name
      }),
      { numRuns: 2000 },
    )
  })

  it('keep their temporary names in the folder, too', () => {
    fc.assert(
      fc.property(hostile.filter(isFileName), (path) => {
        const part = partName({ path, size: 1, expected: { kind: 'git', hex: 'a'.repeat(40) } })
        return dirname(join(DIR, part)) === DIR && part !== path
      }),
    )
  })

  it('in a listing never lead out of the repository', () => {
    fc.assert(
      fc.property(hostile, (path) => !isRepositoryPath(path) || resolve(DIR, path).startsWith(`${DIR}${sep}`)),
      { numRuns: 2000 },
    )
  })

  const paths: [path: string, taken: boolean][] = [
    ['config.json', true],
    ['onnx/model.onnx', true],
    ['.gitattributes', true],
    ['a..b', true],
    ['../config.json', false],
    ['a/../../config.json', false],
    ['a/./b', false],
    ['/etc/passwd', false],
    ['a//b', false],
    ['a/', false],
    ['', false],
    ['a\\..\\b', false],
    ['a\0', false],
  ]
  for (const [path, taken] of paths) {
    it(`${taken ? 'take' : 'refuse'} the path ${JSON.stringify(path)}`, () => {
      expect(isRepositoryPath(path)).to.equal(taken)
    })
  }
})

describe('names of models', () => {
  it('become folders inside the library, apart from its own, or are refused', () => {
    fc.assert(
      fc.property(hostile, hostile, (org, name) => {
        if (!isModelName(`${org}/${name}`)) return true
        const { folder, partial, lock } = placesOf(DIR, `${org}/${name}`)
        const inside = [folder, partial, lock].map((path) => relative(DIR, path).split(sep))
        return inside[0]?.length === 2 && inside[1]?.length === 3 && inside[2]?.length === 3 && !org.startsWith('.')
      }),
      { numRuns: 2000 },
    )
  })

  for (const name of ['HuggingFaceTB/SmolLM2-135M', 'Qwen/Qwen2.5-0.5B', '01-ai/Yi_6B', 'a/_b']) {
    it(`take ${name}`, () => expect(assertModelName(name)).to.equal(name))
  }
  for (const name of [
    '',
    'gpt2',
    'a/b/c',
    '../x',
    'a/..',
    'a/b..c',
    '.partial/x',
    'a/.b',
    'a /b',
    '-a/b',
    'a/b\n',
    '/a/b',
    `a/${'x'.repeat(97)}`,
  ]) {
    it(`refuse ${JSON.stringify(name).slice(0, 30)}`, () => expectRejects(() => assertModelName(name), 'E_ARGUMENT'))
  }
})

describe('what is to be pulled', () => {
  const HUB = DEFAULT_ENDPOINT
  const cases: [
    text: string,
    endpoint: string,
    revision: string | null,
    expected: [endpoint: string, id: string, revision: string],
  ][] = [
    ['org/name', HUB, null, [HUB, 'org/name', 'main']],
    ['org/name', HUB, 'v1.0', [HUB, 'org/name', 'v1.0']],
    ['https://huggingface.co/org/name', HUB, null, [HUB, 'org/name', 'main']],
    ['https://huggingface.co/org/name/', HUB, 'refs/pr/1', [HUB, 'org/name', 'refs/pr/1']],
    ['https://huggingface.co/org/name?library=x#card', HUB, null, [HUB, 'org/name', 'main']],
    ['https://huggingface.co/org/name/tree/v1.0', HUB, null, [HUB, 'org/name', 'v1.0']],
    ['https://huggingface.co/org/name/tree/feature%2Fx', HUB, null, [HUB, 'org/name', 'feature/x']],
    ['https://huggingface.co/org/name/tree/refs/pr/7/onnx', HUB, null, [HUB, 'org/name', 'refs/pr/7']],
    ['https://huggingface.co/org/name/blob/main/model.safetensors', HUB, 'main', [HUB, 'org/name', 'main']],
    ['https://huggingface.co/org/name/resolve/main/model.safetensors', HUB, null, [HUB, 'org/name', 'main']],
    ['https://mirror.example/org/name', HUB, null, ['https://mirror.example', 'org/name', 'main']],
    [
      'https://m.example/hf/org/name/tree/dev',
      'https://m.example/hf',
      null,
      ['https://m.example/hf', 'org/name', 'dev'],
    ],
  ]
  for (const [text, endpoint, revision, [hub, id, rev]] of cases) {
    it(`${text}${revision === null ? '' : ` at ${revision}`}`, () => {
      expect(parseRepository(text, endpoint, revision)).to.deep.equal({ endpoint: hub, id, revision: rev })
    })
  }

  const wrong: [text: string, revision: string | null, message: RegExp][] = [
    ['gpt2', null, /expected a model's name/],
    ['./folder', null, /expected a model's name/],
    ['https://huggingface.co/org', null, /expected a model's name/],
    ['https://huggingface.co/org/name/settings', null, /page "settings"/],
    ['https://huggingface.co/org/name/tree', null, /page "tree"/],
    ['https://user:secret@huggingface.co/org/name', null, /expected the address of a model/],
    ['https://huggingface.co/org/name/tree/%E0%A4%A', null, /percent-encoded/],
    ['https://huggingface.co/org/name/tree/a%2F..%2Fb', null, /expected a revision/],
    ['https://huggingface.co/org/name/tree/v1', 'v2', /the revision v1, --revision v2/],
    ['org/name', '../x', /expected a revision/],
    ['org/name', '', /expected a revision/],
  ]
  for (const [text, revision, message] of wrong) {
    it(`is not ${text}${revision === null ? '' : ` at ${revision}`}`, async () => {
      const error = await expectRejects(() => parseRepository(text, HUB, revision), 'E_ARGUMENT', message)
      expect(error.message).not.to.include('secret')
    })
  }

  it('is a repository or a complaint, whatever is written', () => {
    const address = fc
      .array(fc.oneof(piece, fc.string({ maxLength: 8 })), { maxLength: 6 })
      .map((p) => `https://huggingface.co/${p.join('/')}`)
    fc.assert(
      fc.property(fc.oneof(hostile, address), fc.option(hostile), (text, revision) => {
        try {
          const { id, revision: rev } = parseRepository(text, HUB, revision)
          return isModelName(id) && assertRevision(rev) === rev
        } catch (error) {
          return isCoveyError(error, 'E_ARGUMENT')
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('comes from an address that is spelt one way', async () => {
    expect(parseEndpoint('https://HUGGINGFACE.co/')).to.equal(HUB)
    expect(parseEndpoint('http://mirror:8080/hf//')).to.equal('http://mirror:8080/hf')
    for (const text of ['huggingface.co', 'ftp://x', 'file:///x', 'https://a:b@x', 'https://x?y', ''])
      await expectRejects(() => parseEndpoint(text), 'E_ARGUMENT', /the hub's address/)
  })
})
