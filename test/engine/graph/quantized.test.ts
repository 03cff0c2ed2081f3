/** Quantized folders in the graph: the file's own codes, and what is computed and learnt with them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import onnxProto from 'onnx-proto'
import { createLayout } from '../../../src/adapter/layout.ts'
import { parseSafetensors } from '../../../src/base/safetensors.ts'
import { type EncodedGraph, Graph } from '../../../src/engine/graph/graph.ts'
import { blockOf, Int4Products } from '../../../src/engine/graph/int4.ts'
import { buildInferGraph } from '../../../src/engine/network/infer-graph.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { planTraining } from '../../../src/engine/onnx/gradients.ts'
import { createSession, floatTensor, runSession } from '../../../src/engine/onnx/session.ts'
import { numbersOf, roundMatrix } from '../../../src/model/folder/codes.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import type { EvalResult, OptimizerConfig, Precision, Trainable, Trainer } from '../../../src/types/engine.ts'
import type { BaseModel, RoundedWeight } from '../../../src/types/model.ts'
import { adam, distance, gradientProbe, randomBatch, randomVector } from '../../support/engine-fixtures.ts'
import { asFloat32, groupedConfig, linearMatrices, QUERY, writeQuantized } from '../../support/quantized-folder.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(groupedConfig, tinyLora)
const lora: Trainable = { kind: 'lora', layout, factors: ['A', 'B'] }
const linear = linearMatrices(groupedConfig)
const batches = [randomBatch(groupedConfig, 6, 1), randomBatch(groupedConfig, 5, 2)]

const open = (
  model: BaseModel,
  precision: Precision,
  trainable: Trainable = lora,
  optimizer: OptimizerConfig = gradientProbe,
): Promise<Trainer> => createOnnxEngine().openTrainer({ model, trainable, optimizer, threads: 1, seed: 1, precision })

async function lossAndGradient(
  model: BaseModel,
  precision: Precision,
): Promise<{ loss: number; gradient: Float32Array }> {
  const trainer = await open(model, precision)
  trainer.setParameters(randomVector(layout.size, 0.1))
  const { loss } = await trainer.step(batches, 0)
  const gradient = trainer.optimizerState().m
  await trainer.close()
  return { loss, gradient }
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((s, v, i) => s + v * (y[i] as number), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

/** A graph's constants by name, as ONNX Runtime gets them. */
function constantsOf({ bytes }: EncodedGraph): ReadonlyMap<string, Uint8Array> {
  const tensors = onnxProto.onnx.ModelProto.decode(bytes).graph?.initializer ?? []
  return new Map(tensors.map((t) => [t.name ?? '', new Uint8Array(t.rawData ?? [])]))
}

describe('quantized folders in the graph', () => {
  const folder = useTempFolders()
  const file = async (dir: string) => parseSafetensors(new Uint8Array(await readFile(join(dir, 'model.safetensors'))))

  it('4-bit codes and scales go in byte for byte, to train and to answer', async () => {
    const { out } = await writeQuantized(await folder(), 4)
    const model = await loadModel(out)
    const { bytes } = await file(out)
    for (const graph of [
      planTraining({ model, trainable: lora, precision: 'int4' }).graph,
      buildInferGraph(model, null),
    ]) {
      const constants = constantsOf(graph)
      for (const name of linear) {
        expect(constants.get(`${name}:int4`), name).to.deep.equal(bytes(`${name}_packed`))
        expect(constants.get(`${name}:int4:scales`), name).to.deep.equal(bytes(`${name}_scale`))
        expect(constants.has(name), name).to.equal(false)
      }
    }
  })

  it('8-bit codes go in as they are, turned forwards, with the file’s scales', async () => {
    const { out } = await writeQuantized(await folder(), 8)
    const model = await loadModel(out)
    const { bytes } = await file(out)
    const constants = constantsOf(planTraining({ model, trainable: lora, precision: 'int8' }).graph)
    for (const name of linear) {
      const [outputs, inputs] = model.shape(name) as [number, number]
      // packed codes are around 128, ONNX's int8 around 0
      const codes = bytes(`${name}_packed`)?.map((b) => b ^ 0x80)
      const turned = codes?.map((_, i, all) => all[(i % outputs) * inputs + Math.floor(i / outputs)] as number)
      expect(constants.get(`${name}:forward`), name).to.deep.equal(turned)
      expect(constants.get(`${name}:forward:scales`), name).to.deep.equal(bytes(`${name}_scale`))
      // no layer needs the derivative of what the first ones read
      const back = constants.get(`${name}:backward`)
      if (name.includes('layers.1')) expect(back, name).to.deep.equal(codes)
    }
  })

  it('answer as float32 does over the numbers that the codes stand for', async () => {
    const evaluate = async (model: BaseModel): Promise<EvalResult> => {
      const inference = await createOnnxEngine().openInference({ model, layout, threads: 1 })
      inference.setAdapter(randomVector(layout.size, 0.1))
      const result = await inference.evaluate(batches)
      await inference.close()
      return result
    }
    for (const bits of [8, 4] as const) {
      const model = await loadModel((await writeQuantized(await folder(), bits)).out)
      const [got, expected] = [await evaluate(model), await evaluate(asFloat32(model))]
      // the same sums in another order
      expect(got.loss).to.be.closeTo(expected.loss, 1e-5 * expected.loss)
      expect(got.labels).to.equal(expected.labels)
    }
  })

  it('an ordinary model is answered with in float32, as before', async () => {
    const { source } = await writeQuantized(await folder(), 4)
    const constants = constantsOf(buildInferGraph(await loadModel(source), null))
    for (const name of linear) expect(constants.has(name)).to.equal(true)
    expect([...constants.keys()].some((name) => /:int4|:forward/.test(name))).to.equal(false)
  })

  it('have loss and gradient of their numbers in float32, exactly or up to the rounding of what is multiplied', async () => {
    for (const bits of [8, 4] as const) {
      const model = await loadModel((await writeQuantized(await folder(), bits)).out)
      const exact = await lossAndGradient(asFloat32(model), 'fp32')
      const own = await lossAndGradient(model, 'fp32')
      expect(own.loss).to.equal(exact.loss)
      expect(own.gradient).to.deep.equal(exact.gradient)
      const kept = await lossAndGradient(model, bits === 4 ? 'int4' : 'int8')
      const tolerance = bits === 4 ? { loss: 1e-5, angle: 1e-6 } : { loss: 0.02, angle: 0.02 }
      expect(kept.loss).to.be.closeTo(exact.loss, tolerance.loss * exact.loss)
      expect(cosine(kept.gradient, exact.gradient)).to.be.greaterThan(1 - tolerance.angle)
    }
  })

  for (const bits of [8, 4] as const)
    for (const precision of ['fp32', 'int8', 'int4'] as const)
      it(`learn a small batch by heart: ${bits} bits on disk, ${precision} in the graph`, async () => {
        const model = await loadModel((await writeQuantized(await folder(), bits)).out)
        const trainer = await open(model, precision, lora, adam)
        trainer.setParameters(randomVector(layout.size, 0.1))
        const batch = randomBatch(groupedConfig)
        const first = await trainer.step([batch], 0.02)
        let last = first
        for (let i = 0; i < 30; i++) last = await trainer.step([batch], 0.02)
        await trainer.close()
        expect(last.loss).to.be.below(first.loss / 2)
      })

  it('a full training starts from the numbers that the codes stand for, and moves all of them in float32', async () => {
    const model = await loadModel((await writeQuantized(await folder(), 4)).out)
    const trainer = await open(model, 'int4', { kind: 'full' }, adam)
    const start = trainer.parameters()
    const at = model.tensorNames
      .slice(0, model.tensorNames.indexOf(QUERY))
      .reduce((n, t) => n + model.tensor(t).length, 0)
    const query = model.tensor(QUERY)
    expect(start.slice(at, at + query.length)).to.deep.equal(query)
    const first = await trainer.step(batches, 1e-3)
    const second = await trainer.step(batches, 1e-3)
    expect(second.loss).to.be.below(first.loss)
    expect(trainer.parameters().slice(at, at + query.length)).to.not.deep.equal(query)
    await trainer.close()
  })

  it('groups of others are multiplied in the largest block that divides them, or as numbers', () => {
    const stored = (bits: 8 | 4, group: number): RoundedWeight => ({
      bits,
      group,
      codes: () => new Uint8Array(),
      scales: () => new Float32Array(),
    })
    expect(blockOf(stored(4, 32))).to.equal(32)
    expect(blockOf(stored(4, 128))).to.equal(128)
    expect(blockOf(stored(4, 4096))).to.equal(256)
    expect(blockOf(stored(4, 96))).to.equal(32)
    expect(blockOf(stored(4, 8))).to.equal(null)
    expect(blockOf(stored(8, 32))).to.equal(null)
    expect(blockOf(null)).to.equal(null)
  })

  it('are multiplied right in every block that ONNX Runtime is asked for, for one row and for many', async () => {
    const [outputs, inputs] = [24, 512]
    const random = randomVector(outputs * inputs, 1)
    for (const group of [16, 32, 64, 128, 256, 512]) {
      const made = roundMatrix(random, 4, group)
      const w = numbersOf(made, 4, group)
      const rounded: RoundedWeight = { bits: 4, group, codes: () => made.codes, scales: () => made.scales }
      const g = new Graph()
      const products = new Int4Products(g, { shape: () => [outputs, inputs], tensor: () => w, rounded: () => rounded })
      const y = products.linear('w', g.input('x', ['N', inputs]))
      const session = await createSession(g.encode({ y }, 'test').bytes, { threads: 1 })
      for (const rows of [1, 5, 33]) {
        const x = randomVector(rows * inputs, 1, rows)
        const out = (await runSession(session, { x: floatTensor(x, [rows, inputs]) }, ['y'])).y?.data as Float32Array
        const expected = Float32Array.from({ length: rows * outputs }, (_, i) => {
          const [r, o] = [Math.floor(i / outputs), i % outputs]
          let sum = 0
          for (let k = 0; k < inputs; k++) sum += (x[r * inputs + k] as number) * (w[o * inputs + k] as number)
          return sum
        })
        expect(distance(out, expected), `${group} ${rows}`).to.be.below(1e-4)
      }
      await session.release()
    }
  })

  it('wider groups than the graph’s blocks give the same product, forwards and backwards', async () => {
    const model = await loadModel((await writeQuantized(await folder(), 4)).out)
    // one scale an output: the codes of groups of 32, and the first group's scale for all
    const wide: BaseModel = {
      ...model,
      rounded(name) {
        const own = model.rounded?.(name) ?? null
        if (own === null) return null
        const [outputs, inputs] = model.shape(name) as [number, number]
        const groups = inputs / own.group
        const scales = (): Float32Array => own.scales().filter((_, i) => i % groups === 0)
        expect(scales().length).to.equal(outputs)
        return { ...own, group: inputs, scales }
      },
      tensor(name) {
        const own = wide.rounded?.(name) ?? null
        if (own === null) return model.tensor(name)
        const [codes, scales] = [own.codes(), own.scales()]
        return model
          .tensor(name)
          .map((_, i) => (((codes[i >> 1]! >> ((i & 1) * 4)) & 15) - 8) * scales[Math.floor(i / own.group)]!)
      },
    }
    expect(blockOf(wide.rounded?.(QUERY) ?? null)).to.equal(64)
    const [exact, got] = [await lossAndGradient(asFloat32(wide), 'fp32'), await lossAndGradient(wide, 'int4')]
    expect(got.loss).to.be.closeTo(exact.loss, 1e-5 * exact.loss)
    expect(cosine(got.gradient, exact.gradient)).to.be.greaterThan(1 - 1e-6)
  })
})
