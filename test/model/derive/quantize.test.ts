/** What `quantizeModel` writes: the format's names, the source's other tensors byte for byte, all or nothing. */
import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { bytesOf } from '../../../src/base/bytes.ts'
import { encodeSafetensors, parseSafetensors, type TensorBytes } from '../../../src/base/safetensors.ts'
import { quantizeModel } from '../../../src/model/derive/quantize.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { writeModel } from '../../../src/model/folder/write.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import type { BaseModel, ModelConfig } from '../../../src/types/model.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { FAMILIES, familyConfig } from '../../support/families.ts'
import { DOWN, groupedConfig, linearMatrices, QUERY, writeQuantized } from '../../support/quantized-folder.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { writeTinyModel } from '../../support/tiny-folder.ts'

const parse = async (path: string) => parseSafetensors(new Uint8Array(await readFile(path)))

/** The model in two files, as Hugging Face shards one. */
async function writeSharded(dir: string, model: BaseModel): Promise<void> {
  await writeModel(dir, model.config, (name) => model.tensor(name), 'F32')
  const { header, bytes } = await parse(join(dir, 'model.safetensors'))
  const tensors: TensorBytes[] = [...header.tensors.values()].map((t) => ({ ...t, bytes: bytes(t.name)! }))
  const map: Record<string, string> = {}
  for (const [i, part] of [tensors.slice(0, 7), tensors.slice(7)].entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`
    for (const t of part) map[t.name] = file
    await writeFile(join(dir, file), encodeSafetensors(part))
  }
  await rm(join(dir, 'model.safetensors'))
  await writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }))
}

describe('quantizeModel', () => {
  const folder = useTempFolders()

  it('writes codes, scales and shapes of the blocks’ linear layers, everything else byte for byte', async () => {
    for (const [bits, dtype] of [
      [8, 'BF16'],
      [4, 'BF16'],
      [4, 'F32'],
    ] as const) {
      const { source, out } = await writeQuantized(await folder(), bits, groupedConfig, dtype)
      const [before, after] = [
        await parse(join(source, 'model.safetensors')),
        await parse(join(out, 'model.safetensors')),
      ]
      const linear = new Set(linearMatrices(groupedConfig))
      const expected = [...before.header.tensors.keys()].flatMap((name) =>
        linear.has(name) ? [`${name}_packed`, `${name}_scale`, `${name}_shape`] : [name],
      )
      expect([...after.header.tensors.keys()].sort()).to.deep.equal(expected.sort())
      for (const [name, info] of before.header.tensors) {
        if (linear.has(name)) continue
        expect(after.header.tensors.get(name)).to.deep.include({ dtype, shape: info.shape })
        expect(after.bytes(name)).to.deep.equal(before.bytes(name))
      }
      const scale = after.header.tensors.get(`${QUERY}_scale`)
      expect(scale).to.deep.include(bits === 8 ? { dtype: 'F32', shape: [64, 1] } : { dtype, shape: [64, 2] })
      expect(after.header.tensors.get(`${QUERY}_packed`)).to.deep.include({ dtype: 'I32', shape: [64, 2 * bits] })
      expect(after.bytes(`${QUERY}_shape`)).to.deep.equal(bytesOf(BigInt64Array.of(64n, 64n)))
      expect(after.header.metadata).to.deep.equal({ format: 'pt' })
    }
  })

  it('reports sizes as they are on disk, and the errors of the layers', async () => {
    const dir = await folder()
    const model = createRandomModel(groupedConfig, 1)
    await writeModel(join(dir, 'source'), groupedConfig, (name) => model.tensor(name), 'F32')
    const seen: number[] = []
    const made = await quantizeModel(join(dir, 'source'), join(dir, 'out'), {
      bits: 4,
      onProgress: (done, total) => seen.push(done / total),
    })
    const size = async (name: string): Promise<number> => (await readFile(join(dir, name, 'model.safetensors'))).length
    expect(made.bytesBefore).to.equal(await size('source'))
    expect(made.bytesAfter).to.equal(await size('out'))
    expect(made.layers).to.equal(linearMatrices(groupedConfig).length)
    expect(made.kept).to.deep.equal([])
    const after = await loadModel(join(dir, 'out'))
    expect(made.digest).to.equal(after.digest)
    const errors = linearMatrices(groupedConfig).map((name) => {
      const [w, v] = [model.tensor(name), after.tensor(name)]
      return Math.hypot(...w.map((x, i) => x - v[i]!)) / Math.hypot(...w)
    })
    expect(made.worst.error).to.be.closeTo(Math.max(...errors), 1e-6)
    expect(linearMatrices(groupedConfig)).to.include(made.worst.name)
    expect(made.meanError).to.be.closeTo(errors.reduce((a, b) => a + b) / errors.length, 1e-6)
    expect(made.meanError).to.be.within(0.01, 0.1)
    expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b))
    expect(seen.at(-1)).to.equal(1)
  })

  it('leaves a layer as it is whose inputs are no whole groups, and says so to other tools', async () => {
    const config: ModelConfig = { ...groupedConfig, ffnSize: 100, tiedEmbeddings: false }
    const { out } = await writeQuantized(await folder(), 4, config)
    const model = await loadModel(out)
    expect(model.rounded?.(DOWN)).to.equal(null)
    expect(model.rounded?.(QUERY)?.bits).to.equal(4)
    const { quantization_config: said } = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))
    const modules = [0, 1].map((i) => `model.layers.${i}.mlp.down_proj`)
    expect(said.ignore).to.deep.equal([...modules, 'lm_head'])
    expect(said.config_groups.group_0.targets).to.deep.equal(['Linear'])
  })

  it('refuses a model of which nothing could be written in fewer bits', async () => {
    const dir = await folder()
    const config = { ...groupedConfig, hiddenSize: 20, ffnSize: 20, headDim: 6 }
    const model = createRandomModel(config, 1)
    await writeModel(join(dir, 'source'), config, (name) => model.tensor(name), 'F32')
    await expectRejects(
      () => quantizeModel(join(dir, 'source'), join(dir, 'out'), { bits: 4 }),
      'E_MODEL_ARCHITECTURE',
      /divide by 32/,
    )
    expect(await readdir(dir)).to.deep.equal(['source'])
  })

  it('reads shards, and writes them when a file would get too long', async () => {
    const dir = await folder()
    const model = createRandomModel(groupedConfig, 1)
    await writeSharded(join(dir, 'source'), model)
    await quantizeModel(join(dir, 'source'), join(dir, 'whole'), { bits: 4 })
    const made = await quantizeModel(join(dir, 'source'), join(dir, 'cut'), { bits: 4, maxFileBytes: 30_000 })
    const files = (await readdir(join(dir, 'cut'))).filter((name) => name.endsWith('.safetensors'))
    expect(files).to.deep.equal(files.map((_, i) => `model-0000${i + 1}-of-0000${files.length}.safetensors`))
    expect(files.length).to.be.within(2, 9)
    expect(await readdir(join(dir, 'whole'))).to.include('model.safetensors')
    const [whole, cut] = [await loadModel(join(dir, 'whole')), await loadModel(join(dir, 'cut'))]
    for (const name of whole.tensorNames) expect(cut.tensor(name)).to.deep.equal(whole.tensor(name))
    const { metadata, weight_map } = JSON.parse(
      await readFile(join(dir, 'cut', 'model.safetensors.index.json'), 'utf8'),
    )
    let bytes = 0
    let total = 0
    for (const file of files) {
      const data = new Uint8Array(await readFile(join(dir, 'cut', file)))
      const { header } = parseSafetensors(data)
      for (const name of header.tensors.keys()) expect(weight_map[name]).to.equal(file)
      bytes += data.length
      total += data.length - header.dataStart
    }
    expect(metadata.total_size).to.equal(total)
    expect(made.bytesAfter).to.equal(bytes)
  })

  it('takes what belongs to a model along, and nothing else', async () => {
    const dir = await folder()
    const source = await writeTinyModel(join(dir, 'tiny'))
    await writeFile(join(source, 'LICENSE'), 'terms')
    await writeFile(join(source, 'optimizer.pt'), 'large')
    await mkdir(join(source, 'README.d'))
    await quantizeModel(source, join(dir, 'deep', 'out'), { bits: 8 })
    expect((await readdir(join(dir, 'deep', 'out'))).sort()).to.deep.equal([
      'LICENSE',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(await readdir(join(dir, 'deep'))).to.deep.equal(['out'])
  })

  it('is the same bytes again', async () => {
    const dir = await folder()
    const { source, out } = await writeQuantized(dir, 4)
    await quantizeModel(source, join(dir, 'again'), { bits: 4 })
    expect((await loadModel(join(dir, 'again'))).digest).to.equal((await loadModel(out)).digest)
  })

  for (const [name, json] of Object.entries(FAMILIES)) {
    it(`does every family: ${name}`, async () => {
      const dir = await folder()
      const config = familyConfig(json)
      const model = createRandomModel(config, 1)
      await writeModel(join(dir, 'source'), config, (name) => model.tensor(name), 'F32')
      const made = await quantizeModel(join(dir, 'source'), join(dir, 'out'), { bits: 8 })
      const after = await loadModel(join(dir, 'out'))
      expect(after.config).to.deep.equal((await loadModel(join(dir, 'source'))).config)
      const codes = after.tensorNames.filter((name) => (after.rounded?.(name) ?? null) !== null)
      expect(codes.length).to.equal(made.layers)
      expect(made.layers).to.be.at.least(config.layers)
    })
  }

  describe('all or nothing', () => {
    it('refuses a folder, or a file, that is there', async () => {
      const dir = await folder()
      const { source, out } = await writeQuantized(dir, 8)
      const before = (await loadModel(out)).digest
      await expectRejects(() => quantizeModel(source, out, { bits: 4 }), 'E_ARGUMENT', /is there already/)
      await expectRejects(() => quantizeModel(source, source, { bits: 4 }), 'E_ARGUMENT', /is there already/)
      await writeFile(join(dir, 'file'), '')
      await expectRejects(() => quantizeModel(source, join(dir, 'file'), { bits: 4 }), 'E_ARGUMENT', /is there/)
      await expectRejects(() => quantizeModel(source, join(dir, 'file', 'x'), { bits: 4 }), 'E_DISK', /file/)
      expect((await loadModel(out)).digest).to.equal(before)
      expect((await readdir(dir)).sort()).to.deep.equal(['file', 'out', 'source'])
    })

    it('refuses what is quantized already', async () => {
      const dir = await folder()
      const { out } = await writeQuantized(dir, 8)
      await expectRejects(() => quantizeModel(out, join(dir, 'x'), { bits: 4 }), 'E_ARGUMENT', /quantized already/)
    })

    it('leaves nothing when it is stopped, or finds a number that is none', async () => {
      const dir = await folder()
      const { source } = await writeQuantized(dir, 8)
      const stop = new AbortController()
      const options = { bits: 4, signal: stop.signal, onProgress: () => stop.abort() } as const
      await expectRejects(() => quantizeModel(source, join(dir, 'x'), options), 'E_ABORTED')
      const path = join(source, 'model.safetensors')
      const bytes = new Uint8Array(await readFile(path))
      const { header } = parseSafetensors(bytes)
      bytes.set(bytesOf(Float32Array.of(Number.NaN)), header.dataStart + header.tensors.get(QUERY)!.begin)
      await writeFile(path, bytes)
      await expectRejects(() => quantizeModel(source, join(dir, 'x'), { bits: 4 }), 'E_MODEL_SHAPE', /q_proj.*finite/)
      expect((await readdir(dir)).sort()).to.deep.equal(['out', 'source'])
    })

    it('a disk that takes no more bytes is E_DISK, and leaves nothing', async () => {
      const dir = await folder()
      await writeQuantized(dir, 8)
      const module = JSON.stringify(join(import.meta.dirname, '../../../src/model/derive/quantize.ts'))
      const script = `
        const { quantizeModel } = await import(${module})
        const error = await quantizeModel(process.argv[1] + '/source', process.argv[1] + '/full', { bits: 8 }).catch((e) => e)
        console.log(error.code, error.message)`
      // bash counts ulimit -f in KiB; an ignored SIGXFSZ is inherited
      const limited = `trap '' XFSZ; ulimit -f 50; exec "$0" --input-type=module -e "$1" "$2"`
      const run = spawn('bash', ['-c', limited, process.execPath, script, dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let out = ''
      for await (const text of run.stdout) out += String(text)
      expect(out).to.match(/^E_DISK .*EFBIG/)
      expect((await readdir(dir)).sort()).to.deep.equal(['out', 'source'])
    })
  })
})
