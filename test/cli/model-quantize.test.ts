/** `covey model quantize` through the whole command, and what other commands make of its folders. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadModel } from '../../src/model/folder/load.ts'
import { groupedConfig } from '../support/quantized-folder.ts'
import { type CliRun, runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const RECORDS = Array.from({ length: 16 }, (_, i) =>
  JSON.stringify({ prompt: `say ${i % 4}:`, completion: ` l${i % 4}` }),
)
const resultOf = (run: CliRun) => JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '')

describe('covey model quantize', function () {
  this.timeout(180_000)
  const tempFolder = useTempFolders()
  let dir: string
  let model: string
  let data: string
  beforeEach(async () => {
    dir = await tempFolder()
    model = await writeTinyModel(join(dir, 'm'), groupedConfig)
    data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.join('\n'))
  })

  const covey = (...args: string[]): Promise<CliRun> => runCli(args, { env: { HOME: dir } })
  const quantize = (bits: string, out: string, ...more: string[]): Promise<CliRun> =>
    covey('model', 'quantize', model, '--bits', bits, '--out', out, ...more)

  it('tells sizes, errors and losses, and its folder trains, answers and exports', async () => {
    const out = join(dir, 'q4')
    const run = await quantize('4', out, '--data', data, '--max-tokens', '32', '--threads', '1', '--json')
    expect(run.stderr).to.equal('')
    const made = resultOf(run)
    const [plain, quantized] = [await loadModel(model), await loadModel(out)]
    expect(made).to.include({ out, bits: 4, digest: quantized.digest, layers: 14 })
    expect(made.kept).to.deep.equal([])
    expect(made.bytesAfter).to.be.below(made.bytesBefore / 2)
    expect(made.worst.error).to.be.at.least(made.meanError).and.below(0.2)
    expect(made.before).to.include({ examples: 16 })
    expect(made.after).to.include({ examples: 16, labels: made.before.labels })
    expect(made.after.loss).to.not.equal(made.before.loss)
    expect(made.after.loss).to.be.closeTo(made.before.loss, 0.05 * made.before.loss)

    const common = ['--max-tokens', '32', '--threads', '1', '--json']
    const evaluated = resultOf(await covey('eval', data, '--model', out, ...common))
    expect(evaluated.base.loss).to.equal(made.after.loss)

    const adapter = join(dir, 'adapter')
    const steps = ['--steps', '8', '--batch', '4', '--rank', '2', '--precision', 'int4']
    const trained = await covey('train', data, '--model', out, '--out', adapter, ...steps, ...common)
    expect(trained.stderr).to.equal('')
    const adapted = resultOf(await covey('eval', data, '--model', out, '--adapter', adapter, ...common))
    expect(adapted.adapted.loss).to.be.below(adapted.base.loss)

    const chat = await covey(
      'chat',
      'say 1:',
      '--raw',
      '--model',
      out,
      '--adapter',
      adapter,
      '--max-tokens',
      '3',
      '--json',
    )
    expect(resultOf(chat).tokens).to.be.greaterThan(0)

    // a quantized model is another base
    const wrong = await covey('eval', data, '--model', model, '--adapter', adapter, ...common)
    expect(wrong.code).to.not.equal(0)
    const { error } = resultOf(wrong)
    expect(error.code).to.equal('E_ADAPTER')
    expect(error.message).to.include(quantized.digest).and.include(plain.digest)

    // merged weights are numbers again
    const merged = join(dir, 'merged')
    const exported = await covey(
      'export',
      '--model',
      out,
      '--adapter',
      adapter,
      '--out',
      merged,
      '--dtype',
      'F32',
      '--json',
    )
    expect(exported.code).to.equal(0)
    const whole = await loadModel(merged)
    expect(JSON.parse(await readFile(join(merged, 'config.json'), 'utf8'))).to.not.have.property('quantization_config')
    expect(whole.tensorNames).to.deep.equal(plain.tensorNames)
  })

  it('prints what people want to know', async () => {
    const run = await quantize('8', join(dir, 'q8'))
    expect(run.code).to.equal(0)
    expect(run.stdout).to.match(/8 bits in 14 linear layers, .* digest [0-9a-f]{16}\n/)
    expect(run.stdout).to.match(
      /weights .* kB -> .* kB\nlayers moved by 0\.\d % on average, model\.layers\.\d\..* by \d/,
    )
    expect(run.stdout).to.include(`use it with --model ${join(dir, 'q8')}`)
  })

  it('a quantized folder is pulled, listed and verified as any other', async () => {
    const out = join(dir, 'q8')
    await quantize('8', out)
    const { digest } = await loadModel(out)
    const pulled = await covey('model', 'pull', out, '--name', 'me/q8', '--json')
    expect(resultOf(pulled)).to.include({ digest, architecture: 'LlamaForCausalLM' })
    const [listed, verified] = [
      await covey('model', 'list', '--json'),
      await covey('model', 'verify', 'me/q8', '--json'),
    ]
    const [first] = resultOf(listed).models
    expect(first).to.deep.include({ name: 'me/q8', state: 'complete' })
    expect(resultOf(verified)).to.include({ ok: true, digest })

    // a scale that is 0 is a changed byte, and no model any more
    const path = join(resultOf(pulled).dir, 'model.safetensors')
    const bytes = await readFile(path)
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString())
    const [begin] = header['model.layers.0.self_attn.q_proj.weight_scale'].data_offsets
    bytes.fill(0, 8 + Number(bytes.readBigUInt64LE()) + begin, 8 + Number(bytes.readBigUInt64LE()) + begin + 4)
    await writeFile(path, bytes)
    const broken = await covey('model', 'verify', 'me/q8', '--json')
    expect(broken.code).to.equal(1)
    expect(resultOf(broken).ok).to.equal(false)
    expect(resultOf(broken).problem).to.match(/scales above 0.*E_MODEL_FILE/)
  })

  it('refuses what it cannot do before it writes', async () => {
    const refused: [args: string[], code: string, message: RegExp][] = [
      [[model], 'E_ARGUMENT', /--out/],
      [[model, '--out', model], 'E_ARGUMENT', /is there already/],
      [[join(dir, 'nothing'), '--out', join(dir, 'x')], 'E_MODEL_FILE', /config\.json/],
      [[model, '--out', join(dir, 'x'), '--data', join(dir, 'none.jsonl')], 'E_DISK', /none\.jsonl/],
    ]
    for (const [args, code, message] of refused) {
      const { error } = resultOf(await covey('model', 'quantize', ...args, '--json'))
      expect(error.message).to.match(message)
      expect(error.code).to.equal(code)
    }
    expect((await covey('model', 'quantize', model, '--bits', '3', '--out', join(dir, 'x'))).stderr).to.match(/8 \| 4/)
    expect((await readdir(dir)).filter((name) => name.startsWith('x'))).to.deep.equal([])
  })
})
