/** Folders in the format of compressed-tensors: read as their format says, and refused when they are broken. */
import { readFileSync } from 'node:fs'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { bytesOf } from '../../../src/base/bytes.ts'
import { CoveyError, type ErrorCode } from '../../../src/base/errors.ts'
import { type Dtype, encodeSafetensors, parseSafetensors, type TensorBytes } from '../../../src/base/safetensors.ts'
import { architectureFor } from '../../../src/model/families/architectures.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import type { ModelConfig } from '../../../src/types/model.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { DOWN, QUERY, writeQuantized } from '../../support/quantized-folder.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

interface Vector {
  readonly name: string
  readonly format: string
  readonly weights: Record<string, unknown>
  readonly tensors: Record<string, { dtype: Dtype; shape: number[]; numbers: number[] }>
  readonly bits: 8 | 4
  readonly group: number
  readonly numbers: readonly (readonly number[])[]
}
const vectorFile = new URL('../../vectors/compressed-tensors.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(vectorFile, 'utf8')) as { cases: Vector[] }

function bytesIn(dtype: Dtype, numbers: readonly number[]): Uint8Array {
  if (dtype === 'I64') return bytesOf(BigInt64Array.from(numbers, BigInt))
  if (dtype === 'I32') return bytesOf(Int32Array.from(numbers))
  return bytesOf(dtype === 'I8' ? Int8Array.from(numbers) : Float32Array.from(numbers))
}

const quantization = (format: string, weights: Record<string, unknown>) => ({
  quant_method: 'compressed-tensors',
  format,
  quantization_status: 'compressed',
  config_groups: { group_0: { targets: ['Linear'], weights, input_activations: null, output_activations: null } },
  ignore: ['lm_head'],
})

/** An ordinary tiny model, but for one matrix that a vector gives. */
async function writeVector(dir: string, vector: Vector, matrix: string): Promise<void> {
  const config: ModelConfig = {
    ...tinyConfig,
    hiddenSize: vector.numbers[0]!.length,
    layers: 1,
    heads: 1,
    kvHeads: 1,
    headDim: 2,
  }
  const plain = createRandomModel(config, 1)
  const tensors: TensorBytes[] = plain.tensorNames
    .filter((name) => name !== matrix)
    .map((name) => ({ name, dtype: 'F32', shape: plain.shape(name), bytes: bytesOf(plain.tensor(name)) }))
  const module = matrix.slice(0, -'.weight'.length)
  for (const [name, { dtype, shape, numbers }] of Object.entries(vector.tensors)) {
    tensors.push({ name: `${module}.${name}`, dtype, shape, bytes: bytesIn(dtype, numbers) })
  }
  await writeFile(join(dir, 'model.safetensors'), encodeSafetensors(tensors))
  const json = architectureFor(config.architecture).writeConfig(config, 'F32')
  const quantized = { ...json, quantization_config: quantization(vector.format, vector.weights) }
  await writeFile(join(dir, 'config.json'), JSON.stringify(quantized))
}

describe('quantized folders', () => {
  const folder = useTempFolders()

  describe('written by hand from the format', () => {
    const matrix = 'model.layers.0.self_attn.k_proj.weight'
    for (const vector of cases) {
      it(vector.name, async () => {
        const dir = await folder()
        await writeVector(dir, vector, matrix)
        const model = await loadModel(dir)
        expect([...model.tensor(matrix)]).to.deep.equal(vector.numbers.flat())
        expect(model.shape(matrix)).to.deep.equal([2, vector.numbers[0]!.length])
        const rounded = model.rounded?.(matrix)
        expect(rounded).to.include({ bits: vector.bits, group: vector.group })
        expect(rounded?.codes().length).to.equal((vector.numbers.flat().length * vector.bits) / 8)
        expect(model.rounded?.('model.layers.0.self_attn.v_proj.weight')).to.equal(null)
      })
    }
  })

  it('give float32 within half a step of what they were made from, and say what is in codes', async () => {
    for (const bits of [8, 4] as const) {
      const { source, out } = await writeQuantized(await folder(), bits)
      const [plain, model] = [await loadModel(source), await loadModel(out)]
      expect(model.digest).to.not.equal(plain.digest)
      expect(model.config).to.deep.equal(plain.config)
      expect(model.tensorNames).to.deep.equal(plain.tensorNames)
      for (const name of model.tensorNames) {
        expect(model.shape(name)).to.deep.equal(plain.shape(name))
        const [got, exact, rounded] = [model.tensor(name), plain.tensor(name), model.rounded?.(name) ?? null]
        expect(rounded !== null, name).to.equal(name.includes('_proj.'))
        if (rounded === null) expect(got).to.deep.equal(exact)
        else {
          expect(rounded).to.include({ bits, group: bits === 4 ? 32 : model.shape(name)[1] })
          const scales = rounded.scales()
          // in scales; a scale is rounded to float32, which moves the ends of the range by as much
          const steps = exact.map((x, i) => Math.abs(got[i]! - x) / scales[Math.floor(i / rounded.group)]!)
          expect(Math.max(...steps)).to.be.within(0.25, 0.500001)
        }
      }
      expect(plain.rounded?.(QUERY)).to.equal(null)
      expect(() => model.rounded?.('nothing')).to.throw(CoveyError, /no tensor "nothing"/)
    }
  })

  type Tensors = Map<string, TensorBytes>
  const scaleOf = (name: string): string => `${name}_scale`
  const floats = (t: TensorBytes): Float32Array => new Float32Array(t.bytes.slice().buffer)
  const withScale = (tensors: Tensors, change: (scales: Float32Array) => void): void => {
    const t = tensors.get(scaleOf(QUERY))!
    const scales = floats(t)
    change(scales)
    tensors.set(t.name, { ...t, bytes: bytesOf(scales) })
  }
  const broken: [name: string, bits: 8 | 4, change: (tensors: Tensors) => void, code: ErrorCode, message: RegExp][] = [
    [
      'no scale',
      4,
      (t) => t.delete(scaleOf(QUERY)),
      'E_MODEL_SHAPE',
      /q_proj\.weight_scale.*\[64, 2\].*no such tensor/,
    ],
    ['no shape', 4, (t) => t.delete(`${QUERY}_shape`), 'E_MODEL_SHAPE', /q_proj\.weight_shape.*no such tensor/],
    ['no codes', 8, (t) => t.delete(`${QUERY}_packed`), 'E_MODEL_SHAPE', /q_proj\.weight:.*\[64, 64\].*no such tensor/],
    [
      'codes of another type',
      4,
      (t) => t.set(`${QUERY}_packed`, { ...t.get(`${QUERY}_packed`)!, dtype: 'F32' }),
      'E_MODEL_FILE',
      /weight_packed: expected I32 values, got F32/,
    ],
    [
      'scales of another type',
      8,
      (t) => t.set(scaleOf(QUERY), { ...t.get(scaleOf(QUERY))!, dtype: 'I32' }),
      'E_MODEL_FILE',
      /weight_scale: expected F32, F16 or BF16 values, got I32/,
    ],
    [
      'codes of another shape',
      4,
      (t) => t.set(`${QUERY}_packed`, { ...t.get(`${QUERY}_packed`)!, shape: [32, 16] }),
      'E_MODEL_SHAPE',
      /weight_packed.*\[64, 8\].*\[32, 16\]/,
    ],
    [
      'scales of another shape',
      4,
      (t) => t.set(scaleOf(QUERY), { ...t.get(scaleOf(QUERY))!, shape: [2, 64] }),
      'E_MODEL_SHAPE',
      /weight_scale.*\[64, 2\].*\[2, 64\]/,
    ],
    [
      'a stated shape of another matrix',
      4,
      (t) => t.set(`${QUERY}_shape`, { ...t.get(`${QUERY}_shape`)!, bytes: bytesIn('I64', [64, 63]) }),
      'E_MODEL_SHAPE',
      /weight_shape.*\[64, 64\].*\[64, 63\]/,
    ],
    ['a scale that is NaN', 4, (t) => withScale(t, (s) => s.fill(Number.NaN, 7, 8)), 'E_MODEL_FILE', /NaN at 7/],
    [
      'an infinite scale',
      8,
      (t) => withScale(t, (s) => s.fill(Number.POSITIVE_INFINITY, 3, 4)),
      'E_MODEL_FILE',
      /Infinity at 3/,
    ],
    ['a scale of 0', 4, (t) => withScale(t, (s) => s.fill(0, 0, 1)), 'E_MODEL_FILE', /above 0, got 0 at 0/],
    ['a negative scale', 8, (t) => withScale(t, (s) => s.fill(-1, 63)), 'E_MODEL_FILE', /above 0, got -1 at 63/],
    [
      'a scale too large for float32',
      4,
      (t) => withScale(t, (s) => s.fill(2 ** 125, 0, 1)),
      'E_MODEL_FILE',
      /e\+37 at 0/,
    ],
    [
      'a zero point',
      4,
      (t) => t.set('z', { name: `${QUERY}_zero_point`, dtype: 'I32', shape: [1], bytes: new Uint8Array(4) }),
      'E_MODEL_SHAPE',
      /weight_zero_point is in the weight files, but/,
    ],
    [
      'the matrix beside its codes',
      4,
      (t) => t.set(QUERY, { name: QUERY, dtype: 'F32', shape: [64, 64], bytes: new Uint8Array(4 * 64 * 64) }),
      'E_MODEL_FILE',
      /twice/,
    ],
  ]
  for (const [name, bits, change, code, message] of broken) {
    it(`refuses ${name}`, async () => {
      const { out } = await writeQuantized(await folder(), bits)
      const path = join(out, 'model.safetensors')
      const { header, bytes } = parseSafetensors(new Uint8Array(await readFile(path)))
      const tensors: Tensors = new Map(
        [...header.tensors.values()].map((t) => [t.name, { ...t, bytes: bytes(t.name)! }]),
      )
      change(tensors)
      await writeFile(path, encodeSafetensors([...tensors.values()]))
      await expectRejects(() => loadModel(out), code, message)
    })
  }

  it('refuses codes that config.json says nothing of, and int8 where it says packed', async () => {
    const { out } = await writeQuantized(await folder(), 4)
    const path = join(out, 'config.json')
    const json = JSON.parse(await readFile(path, 'utf8'))
    const { quantization_config: said, ...plain } = json
    await writeFile(path, JSON.stringify(plain))
    await expectRejects(() => loadModel(out), 'E_MODEL_SHAPE', /q_proj\.weight: .*no such tensor/)
    said.config_groups.group_0.weights.num_bits = 8
    said.format = 'int-quantized'
    await writeFile(path, JSON.stringify(json))
    await expectRejects(() => loadModel(out), 'E_MODEL_ARCHITECTURE', /no scheme .* fits its packed values/)
  })

  it('refuses a file cut short, and one that changed after it was loaded', async () => {
    const { out } = await writeQuantized(await folder(), 4)
    const model = await loadModel(out)
    const path = join(out, 'model.safetensors')
    await truncate(path, 20_000)
    await expectRejects(() => loadModel(out), 'E_MODEL_FILE')
    for (const work of [
      () => model.tensor(DOWN),
      () => model.rounded?.(DOWN)?.codes(),
      () => model.rounded?.(DOWN)?.scales(),
    ])
      await expectRejects(work, 'E_MODEL_FILE', /changed after the model was loaded/)
  })

  it('whatever bytes are changed, a folder is refused with a code of Covey’s, or its codes are finite numbers', async () => {
    const { out } = await writeQuantized(await folder(), 4)
    const path = join(out, 'model.safetensors')
    const whole = new Uint8Array(await readFile(path))
    const headerBytes = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true))
    const place = fc.oneof(fc.nat(headerBytes - 1), fc.nat(whole.length - 1))
    const flips = fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 })
    const lengths = fc.option(fc.nat(whole.length), { nil: whole.length })
    await fc.assert(
      fc.asyncProperty(flips, lengths, async (changes, length) => {
        const bytes = whole.slice()
        for (const [at, by] of changes) bytes[at] = bytes[at]! ^ by
        await writeFile(path, bytes.subarray(0, length))
        try {
          const model = await loadModel(out)
          const numbers = model.tensor(QUERY)
          expect(numbers.every(Number.isFinite)).to.equal(true)
        } catch (error) {
          if (!(error instanceof CoveyError)) throw error
          expect(error.code).to.be.oneOf(['E_MODEL_FILE', 'E_MODEL_SHAPE', 'E_MODEL_ARCHITECTURE'])
        }
      }),
      { numRuns: 150 },
    )
  })
})
