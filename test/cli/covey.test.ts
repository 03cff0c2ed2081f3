import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadModel } from '../../src/model/folder/load.ts'
import { runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const RECORDS = Array.from({ length: 24 }, (_, i) =>
  JSON.stringify({ text: `say ${i}`, intent: i % 2 ? 'odd' : 'even', domain: i % 3 ? 'x' : 'y' }),
)
const TEMPLATES = ['--prompt', 'U: {text}\\nI:', '--completion', ' {intent}']

describe('covey', function () {
  this.timeout(60_000)
  const tempFolder = useTempFolders()

  it('prints help and version with exit code 0, mistakes with 2', async () => {
    const [help, version, none, wrong, value] = await Promise.all([
      runCli(['--help']),
      runCli(['--version']),
      runCli(['stak']),
      runCli(['train']),
      runCli(['data', 'inspect', 'f', '--show', 'many']),
    ])
    expect(help.code).to.equal(0)
    expect(help.stdout).to.include('Exit codes:').and.include('doctor')
    expect(version.stdout).to.match(/^\d+\.\d+\.\d+\n$/)
    for (const run of [none, wrong, value]) {
      expect(run.code).to.equal(2)
      expect(run.stdout).to.equal('')
    }
    expect(value.stderr).to.include('Expected a whole number from 0 to 1000, got "many"')
  })

  it('says what a configuration lacks, with exit code 2, and what failed, with 1', async () => {
    const dir = await tempFolder()
    const [config, failed] = await Promise.all([
      runCli(['task', 'list', '--dir', dir, '--json'], { env: { COVEY_RPC: 'nonsense' } }),
      runCli(['data', 'inspect', join(dir, 'none.jsonl'), '--json']),
    ])
    expect(config.code).to.equal(2)
    expect(JSON.parse(config.stdout)).to.have.nested.property('error.code', 'E_CONFIG')
    expect(config.stderr).to.include('setting rpc (from COVEY_RPC)')
    expect(failed.code).to.equal(1)
    expect(JSON.parse(failed.stdout)).to.have.nested.property('error.code', 'E_DISK')
  })

  it('measures which precision this machine trains faster in', async () => {
    const run = await runCli(['bench', '--threads', '1', '--json'])
    expect(run.code, run.stderr).to.equal(0)
    const { measured, chosen, kept } = JSON.parse(run.stdout)
    expect(measured.map((m: { precision: string }) => m.precision)).to.include.members(['fp32', 'int8', chosen])
    for (const { ms } of measured) expect(ms).to.be.greaterThan(0)
    expect(kept).to.equal(true)
  })

  it('inspects a file without printing its text, unless it is asked to', async () => {
    const dir = await tempFolder()
    const file = join(dir, 'd.jsonl')
    await writeFile(file, [...RECORDS, 'broken', '{"text":"lonely"}'].join('\n'))
    const args = [
      'data',
      'inspect',
      file,
      ...TEMPLATES,
      '--partition-by',
      'domain',
      '--model',
      await writeTinyModel(join(dir, 'm')),
    ]
    const [quiet, shown] = await Promise.all([runCli([...args, '--json']), runCli([...args, '--show', '1'])])
    const result = JSON.parse(quiet.stdout)
    expect(result).to.include({ lines: 26, examples: 24, usable: 24, badLines: 2 })
    expect(result.partitions).to.have.all.keys('x', 'y')
    expect(result.bad.map((b: { line: number }) => b.line)).to.deep.equal([25, 26])
    expect(quiet.stdout).not.to.match(/say 0|lonely/)
    expect(shown.stdout).to.include('say 0')
  })

  it('makes keys once, encrypted, and keeps the password to itself', async () => {
    const dir = join(await tempFolder(), 'node')
    const env = { COVEY_PASSWORD: 'correct horse' }
    const args = ['init', '--dir', dir, '--fast-kdf', '--rpc', 'http://127.0.0.1:1', '--json']
    const first = await runCli(args, { env })
    expect(first.stderr).to.equal('')
    const made = JSON.parse(first.stdout)
    expect(made.account).to.match(/^0x[0-9a-fA-F]{40}$/)
    expect(made.peerId).to.match(/^12D3KooW/)
    const again = JSON.parse((await runCli(args, { env })).stdout)
    expect(again).to.deep.include({
      account: made.account,
      peerId: made.peerId,
      created: { account: false, peerKey: false },
    })
    expect(JSON.parse(await readFile(join(dir, 'covey.json'), 'utf8'))).to.deep.equal({ rpc: 'http://127.0.0.1:1' })
    expect((await stat(dir)).mode & 0o077).to.equal(0)
    const wrong = await runCli(args, { env: { COVEY_PASSWORD: 'battery staple' } })
    expect(wrong.code).to.equal(1)
    expect(JSON.parse(wrong.stdout)).to.have.nested.property('error.code', 'E_PASSWORD')
    expect(wrong.stdout + wrong.stderr).not.to.include('battery staple')
    const without = await runCli(args)
    expect(without.stderr).to.include('--password-file FILE or COVEY_PASSWORD')
  })

  it('trains, measures, answers, exports', async () => {
    const dir = await tempFolder()
    const model = await writeTinyModel(join(dir, 'm'))
    const [train, test] = [join(dir, 'train.jsonl'), join(dir, 'test.jsonl')]
    await writeFile(train, RECORDS.join('\n'))
    await writeFile(test, RECORDS.slice(0, 6).join('\n'))
    const adapter = join(dir, 'adapter')
    const common = [...TEMPLATES, '--model', model, '--max-tokens', '64', '--threads', '1', '--json']
    const run = await runCli([
      'train',
      train,
      '--test',
      test,
      '--steps',
      '30',
      '--batch',
      '8',
      '--learning-rate',
      '0.05',
      '--out',
      adapter,
      ...common,
    ])
    expect(run.stderr).to.equal('')
    const trained = JSON.parse(run.stdout)
    // what is tested on is not trained on
    expect(trained.examples).to.equal(18)
    expect(trained.test.after.loss).to.be.lessThan(trained.test.before.loss)
    for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
      expect(existsSync(join(adapter, file))).to.equal(true)

    const measured = JSON.parse((await runCli(['eval', test, '--adapter', adapter, ...common])).stdout)
    expect(measured.adapterDigest).to.equal(trained.adapterDigest)
    expect(measured.base.loss).to.be.closeTo(trained.test.before.loss, 1e-6)
    expect(measured.adapted.loss).to.be.closeTo(trained.test.after.loss, 1e-6)

    const chat = ['chat', '--model', model, '--adapter', adapter, '--max-tokens', '5', '--threads', '1', '--json']
    const [one, talk] = await Promise.all([runCli([...chat, 'hello']), runCli(chat, { input: 'a\nb\n' })])
    expect(JSON.parse(one.stdout)).to.include({ model: 'm', adapterDigest: trained.adapterDigest })
    expect(
      talk.stdout
        .trim()
        .split('\n')
        .map((l) => typeof JSON.parse(l).answer),
    ).to.deep.equal(['string', 'string'])

    const merged = join(dir, 'merged')
    const exported = await runCli([
      'export',
      '--model',
      model,
      '--adapter',
      adapter,
      '--out',
      merged,
      '--dtype',
      'F32',
      '--json',
    ])
    expect(JSON.parse(exported.stdout)).to.include({ format: 'merged', adapterDigest: trained.adapterDigest })
    expect((await loadModel(merged)).config.layers).to.equal(2)
    // merged weights give the same answers as base and adapter side by side
    const folded = JSON.parse(
      (await runCli(['eval', test, ...TEMPLATES, '--model', merged, '--max-tokens', '64', '--json'])).stdout,
    )
    expect(folded.base.loss).to.be.closeTo(trained.test.after.loss, 1e-3)

    const foreign = await runCli(['eval', test, '--adapter', adapter, ...TEMPLATES, '--model', merged, '--json'])
    expect(JSON.parse(foreign.stdout)).to.have.nested.property('error.code', 'E_ADAPTER')
  })

  it('names a busy port when it serves', async () => {
    const dir = await tempFolder()
    const busy = createServer()
    const port = await new Promise<number>((resolve) =>
      busy.listen(0, '127.0.0.1', () => resolve((busy.address() as { port: number }).port)),
    )
    try {
      const run = await runCli([
        'serve',
        '--model',
        await writeTinyModel(join(dir, 'm')),
        '--port',
        String(port),
        '--dir',
        dir,
      ])
      expect(run.code).to.equal(1)
      expect(run.stderr).to.include('E_PORT').and.include(`port ${port}`)
    } finally {
      busy.close()
    }
  })

  it('examines the machine by trying things', async () => {
    const dir = await tempFolder()
    const [good, bad] = await Promise.all([
      runCli(['doctor', '--dir', dir, '--model', await writeTinyModel(join(dir, 'm')), '--port', '0', '--json']),
      runCli(['doctor', '--dir', dir, '--model', join(dir, 'nothing'), '--port', '0', '--json']),
    ])
    const names = (JSON.parse(good.stdout).checks as { name: string; ok: boolean }[])
      .filter((c) => c.ok)
      .map((c) => c.name)
    expect(names).to.include.members(['node', 'engine', 'devices', 'disk', 'model', 'port'])
    expect(bad.code).to.equal(1)
    expect(JSON.parse(bad.stdout).checks.find((c: { name: string }) => c.name === 'model')).to.include({
      ok: false,
      code: 'E_MODEL_FILE',
    })
    const devices = JSON.parse(good.stdout).checks.find((c: { name: string }) => c.name === 'devices')
    expect(devices.detail).to.match(/ONNX Runtime has .*cpu/)
  })

  it('refuses a device that is not there, and one that is none', async () => {
    const dir = await tempFolder()
    const missing = process.platform === 'win32' ? 'coreml' : 'dml'
    const file = join(dir, 'd.jsonl')
    await writeFile(file, '{"prompt":"a","completion":"b"}\n')
    const model = await writeTinyModel(join(dir, 'm'))
    const common = [file, '--dir', dir, '--model', model, '--json', '--device']
    const [scoring, training, unknown] = await Promise.all([
      runCli(['eval', ...common, missing]),
      runCli(['train', ...common, missing, '--max-tokens', '64', '--precision', 'fp32', '--out', join(dir, 'out')]),
      runCli(['eval', ...common, 'tpu']),
    ])
    for (const absent of [scoring, training]) {
      expect([absent.code, JSON.parse(absent.stdout).error.code]).to.deep.equal([1, 'E_ENGINE'])
      expect(absent.stderr).to.match(new RegExp(`device ${missing}.*offers cpu`))
    }
    expect([unknown.code, JSON.parse(unknown.stdout).error.code]).to.deep.equal([2, 'E_CONFIG'])
    expect(unknown.stderr).to.include('--device')
  })
})
