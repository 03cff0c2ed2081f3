import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { choose, machinePrecision, measurePrecisions } from '../../node/precision.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { PRECISIONS } from '../../src/engine/settings.ts'
import type { TrainingEngine } from '../../src/types/engine.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const measured = (fp32: number, int8: number, int8Loss = 8) => [
  { precision: 'fp32', ms: fp32, loss: 8 } as const,
  { precision: 'int8', ms: int8, loss: int8Loss } as const,
]

describe('choice of precision', () => {
  it('is 8 bits only where they are clearly faster', () => {
    expect(choose(measured(100, 50))).to.equal('int8')
    expect(choose(measured(100, 86))).to.equal('int8')
    expect(choose(measured(100, 90))).to.equal('fp32')
    expect(choose(measured(50, 100))).to.equal('fp32')
  })

  it('is never what gives another loss, however fast', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), fc.double({ noNaN: false }), (ms, loss) => {
        const close = Math.abs(loss - 8) <= 0.16
        expect(choose(measured(1_000, ms, loss))).to.equal(close ? 'int8' : 'fp32')
      }),
    )
  })

  it('comes from steps that the engine really took', async function () {
    this.timeout(60_000)
    const { chosen, measured: rows } = await measurePrecisions(createOnnxEngine(), 1)
    expect(rows.map((r) => r.precision)).to.deep.equal([...PRECISIONS])
    for (const { ms } of rows) expect(ms).to.be.greaterThan(0)
    const [exact, rounded] = rows
    expect(rounded?.loss).to.be.closeTo(exact?.loss ?? 0, 0.02 * (exact?.loss ?? 0))
    expect(chosen).to.equal(choose(rows))
  })
})

describe('precision of a machine', () => {
  const tempFolder = useTempFolders()

  /** Does nothing, at once; counts what was opened. */
  function fakeEngine(name = 'fake'): { engine: TrainingEngine; opened: () => number } {
    let opened = 0
    const engine: TrainingEngine = {
      name,
      openTrainer: async () => {
        opened++
        return {
          size: 0,
          parameters: () => new Float32Array(0),
          setParameters: () => undefined,
          step: async () => ({ loss: 8, gradNorm: 1, labels: 1, tokens: 1 }),
          optimizerState: () => ({ step: 0, m: new Float32Array(0), v: new Float32Array(0) }),
          restoreOptimizer: () => undefined,
          close: async () => undefined,
        }
      },
    }
    return { engine, opened: () => opened }
  }

  it('is measured once and kept', async () => {
    const folder = await tempFolder()
    const { engine, opened } = fakeEngine()
    const first = await machinePrecision(engine, 1, folder)
    expect(await machinePrecision(engine, 1, folder)).to.deep.include({ chosen: first.chosen })
    expect(opened()).to.equal(PRECISIONS.length)
  })

  it('is measured anew for another number of threads, another engine, or when what was kept cannot be read', async () => {
    const folder = await tempFolder()
    const { engine, opened } = fakeEngine()
    await machinePrecision(engine, 1, folder)
    await machinePrecision(engine, 2, folder)
    expect(opened()).to.equal(2 * PRECISIONS.length)
    await writeFile(join(folder, 'precision-1.json'), '{"chosen":"int2"}')
    await machinePrecision(engine, 1, folder)
    expect(opened()).to.equal(3 * PRECISIONS.length)
    expect(JSON.parse(await readFile(join(folder, 'precision-1.json'), 'utf8'))).to.have.property('chosen')
    const other = fakeEngine('another')
    await machinePrecision(other.engine, 1, folder)
    expect(other.opened()).to.equal(PRECISIONS.length)
  })

  it('does without a folder that cannot be written', async () => {
    const file = join(await tempFolder(), 'file')
    await writeFile(file, '')
    const { engine } = fakeEngine()
    expect((await machinePrecision(engine, 1, join(file, 'x'))).measured).to.have.length(PRECISIONS.length)
  })
})
