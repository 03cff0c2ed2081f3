import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { CoveyError } from '../../../src/base/errors.ts'
import type { WeightFilePlan, WeightPart } from '../../../src/engine/graph/graph.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { weightFolder, withGraphFile } from '../../../src/engine/onnx/weight-files.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import { randomBatch } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

describe('weight files', () => {
  const tempFolder = useTempFolders()
  const graph = Uint8Array.of(1, 2, 3)

  /** Two parts of 3 and 2 bytes with a gap; tells how often they were made. */
  function plan(): { weights: WeightFilePlan; reads: () => number } {
    let reads = 0
    const part = (offset: number, bytes: readonly number[]): WeightPart => ({
      offset,
      length: bytes.length,
      read: () => {
        reads++
        return Uint8Array.from(bytes)
      },
    })
    const parts = new Map([
      ['a', part(0, [1, 2, 3])],
      ['b', part(5, [7, 8])],
    ])
    return { weights: { name: 'w.weights', size: 9, parts }, reads: () => reads }
  }

  it('are written once, each part in its place, and the graph lies beside them while it opens', async () => {
    const dir = join(await tempFolder(), 'deep', 'weights')
    const { weights, reads } = plan()
    for (let i = 0; i < 2; i++) {
      const seen = await withGraphFile(dir, graph, weights, async (path) => [...(await readFile(path))])
      expect(seen).to.deep.equal([1, 2, 3])
    }
    expect([...(await readFile(join(dir, 'w.weights')))]).to.deep.equal([1, 2, 3, 0, 0, 7, 8, 0, 0])
    expect(reads()).to.equal(2)
    expect(await readdir(dir)).to.deep.equal(['w.weights'])
  })

  it('are written again when some of the file is gone', async () => {
    const dir = await tempFolder()
    const { weights } = plan()
    await writeFile(join(dir, 'w.weights'), 'cut')
    await withGraphFile(dir, graph, weights, async () => undefined)
    expect((await readFile(join(dir, 'w.weights'))).byteLength).to.equal(9)
  })

  it('leave nothing behind when a reader or a session fails', async () => {
    const dir = await tempFolder()
    const { weights } = plan()
    const broken = new Map(weights.parts).set('c', {
      offset: 7,
      length: 1,
      read: () => {
        throw new CoveyError('E_MODEL_FILE', 'the disk is gone')
      },
    })
    await expectRejects(
      () => withGraphFile(dir, graph, { ...weights, parts: broken }, async () => undefined),
      'E_MODEL_FILE',
      /gone/,
    )
    expect(await readdir(dir)).to.deep.equal([])
    await expectRejects(
      () => withGraphFile(dir, graph, weights, () => Promise.reject(new CoveyError('E_ENGINE', 'no'))),
      'E_ENGINE',
      /no/,
    )
    expect(await readdir(dir)).to.deep.equal(['w.weights'])
  })

  it('are removed when nobody has opened them for a month, and forgotten graphs after an hour', async () => {
    const dir = await tempFolder()
    const ago = (days: number): Date => new Date(Date.now() - days * 86_400_000)
    for (const [name, days] of [
      ['old.weights', 31],
      ['recent.weights', 29],
      ['left.onnx', 1],
      ['now.onnx', 0],
    ] as const) {
      await writeFile(join(dir, name), 'x')
      await utimes(join(dir, name), ago(days), ago(days))
    }
    await withGraphFile(dir, graph, plan().weights, async () => undefined)
    expect((await readdir(dir)).sort()).to.deep.equal(['now.onnx', 'recent.weights', 'w.weights'])
  })

  it('say what to do when the folder cannot be used', async () => {
    const dir = await tempFolder()
    await writeFile(join(dir, 'file'), '')
    await expectRejects(
      () => withGraphFile(join(dir, 'file', 'x'), graph, plan().weights, async () => undefined),
      'E_DISK',
      /COVEY_CACHE/,
    )
  })

  it('lie where the user wants them', () => {
    expect(weightFolder({ COVEY_CACHE: '/big' })).to.equal(join('/big', 'weights'))
    expect(weightFolder({ XDG_CACHE_HOME: '/c' })).to.equal(join('/c', 'covey', 'weights'))
    expect(weightFolder({}).endsWith(join('.cache', 'covey', 'weights'))).to.equal(true)
  })

  it('hold a model that is too large for its graph, which opens on them the second time', async function () {
    this.timeout(60_000)
    // 17 million weights: past what stays in a graph, and more than half of them in one table that the loss reads as well
    const large = { ...tinyConfig, vocabSize: 40_000, hiddenSize: 416, heads: 4, kvHeads: 2, headDim: 104 }
    const small = { ...large, vocabSize: 40 }
    const dir = await tempFolder()
    await mkdir(dir, { recursive: true })
    const before = process.env.COVEY_CACHE
    process.env.COVEY_CACHE = dir
    try {
      const evaluate = async (config: typeof large): Promise<number> => {
        const inference = await createOnnxEngine().openInference({
          model: createRandomModel(config, 1),
          layout: null,
          threads: 1,
        })
        const { loss } = await inference.evaluate([randomBatch(small, 4, 1)])
        await inference.close()
        return loss
      }
      const first = await evaluate(large)
      expect(await readdir(join(dir, 'weights'))).to.have.length(1)
      expect(await evaluate(large)).to.equal(first)
      expect(first).to.be.closeTo(Math.log(40_000), 0.5)
    } finally {
      if (before === undefined) delete process.env.COVEY_CACHE
      else process.env.COVEY_CACHE = before
    }
  })
})
