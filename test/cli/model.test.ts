import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { utf8 } from '../../src/base/bytes.ts'
import { loadModel } from '../../src/model/folder/load.ts'
import { COMMIT, ID } from '../support/hub-fixtures.ts'
import { HubServer } from '../support/hub-server.ts'
import { type CliRun, runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const JSON_END = ['--json']

/** The last line is the result. */
const resultOf = (run: CliRun) => JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '')

describe('covey model', function () {
  this.timeout(60_000)
  const tempFolder = useTempFolders()
  let server: HubServer
  let home: string
  let tiny: string
  beforeEach(async () => {
    server = await HubServer.start()
    home = await tempFolder()
    tiny = await writeTinyModel(join(await tempFolder(), 'tiny'))
    const files: Record<string, Uint8Array> = { 'pytorch_model.bin': new Uint8Array(9) }
    for (const name of await readdir(tiny)) files[name] = new Uint8Array(await readFile(join(tiny, name)))
    server.repos.set(ID, { commit: COMMIT, files })
  })
  afterEach(() => server.stop())

  /** With a home of its own, and no hub but the test's. */
  const covey = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
    runCli(args, { env: { HOME: home, HF_ENDPOINT: server.url, HF_TOKEN: '', ...env } })

  it('pull, list, verify, use, rm', async () => {
    const pulled = await covey(['model', 'pull', ID, ...JSON_END])
    expect(pulled.stderr).to.equal('')
    const { digest } = await loadModel(tiny)
    const dir = join(home, '.covey', 'models', ...ID.split('/'))
    expect(resultOf(pulled)).to.deep.include({
      name: ID,
      dir,
      digest,
      architecture: 'LlamaForCausalLM',
      unchanged: false,
      source: { kind: 'hub', endpoint: server.url, id: ID, revision: 'main', commit: COMMIT },
    })
    expect((await loadModel(dir)).digest).to.equal(digest)
    expect(existsSync(join(dir, 'pytorch_model.bin'))).to.equal(false)

    const [listed, seen, verified, again] = await Promise.all([
      covey(['model', 'list', ...JSON_END]),
      covey(['model', 'list']),
      covey(['model', 'verify', ID]),
      covey(['model', 'pull', ID]),
    ])
    expect(resultOf(listed).models).to.have.length(1)
    expect(resultOf(listed).models[0]).to.deep.include({ name: ID, dir, state: 'complete' })
    expect(seen.stdout).to.match(
      new RegExp(`^${ID}  LlamaForCausalLM  0\\.0 M parameters  .* kB  ${digest.slice(0, 16)}  complete\n$`),
    )
    expect([verified.code, verified.stdout]).to.deep.equal([0, verified.stdout])
    expect(verified.stdout).to.include(`is whole, digest ${digest}`)
    expect(again.stdout).to.include('it was there, every byte is right').and.include(`use it with --model ${ID}`)

    // by its name, also for a node with a data directory of its own
    const data = join(home, 'd.jsonl')
    await writeFile(data, '{"prompt":"a","completion":"b"}\n')
    const node = join(home, 'node1')
    const [byName, doctor] = await Promise.all([
      covey(['data', 'inspect', data, '--model', ID, ...JSON_END]),
      covey(['doctor', '--dir', node, '--port', '0', ...JSON_END], { COVEY_MODEL: ID }),
    ])
    expect(resultOf(byName)).to.include({ usable: 1 })
    const check = resultOf(doctor).checks.find((c: { name: string }) => c.name === 'model')
    expect(check)
      .to.include({ ok: true })
      .and.to.have.property('detail')
      .that.includes(`tiny: `)
      .and.includes(digest.slice(0, 16))

    await appendFile(join(dir, 'tokenizer_config.json'), ' ')
    const damaged = await covey(['model', 'verify', ID, ...JSON_END])
    expect(damaged.code).to.equal(1)
    expect(resultOf(damaged)).to.include({ ok: false })
    expect(
      resultOf(damaged)
        .files.filter((f: { problem: string | null }) => f.problem !== null)
        .map((f: { path: string }) => f.path),
    ).to.deep.equal(['tokenizer_config.json'])
    await covey(['model', 'pull', ID])
    // a file that was not pulled changes what the model is
    await writeFile(join(dir, 'chat_template.jinja'), 'x')
    const added = await covey(['model', 'verify', ID])
    expect(added.code).to.equal(1)
    expect(added.stdout).to.include('a file was changed or added')
    await covey(['model', 'pull', ID])
    expect((await covey(['model', 'verify', ID])).code).to.equal(0)

    const asked = await covey(['model', 'rm', ID])
    expect(asked.code).to.equal(1)
    expect(asked.stderr).to.include('give --yes')
    expect(existsSync(dir)).to.equal(true)
    expect(resultOf(await covey(['model', 'rm', ID, '--yes', ...JSON_END]))).to.include({ removed: true, dir })
    expect(existsSync(dir)).to.equal(false)
    const [gone, none, empty] = await Promise.all([
      covey(['model', 'rm', ID, '--yes', ...JSON_END]),
      covey(['model', 'verify', ID, ...JSON_END]),
      covey(['model', 'list']),
    ])
    for (const run of [gone, none]) expect(resultOf(run)).to.have.nested.property('error.code', 'E_ARGUMENT')
    expect(empty.stdout).to.include('`covey model pull` gets one')
  })

  it('goes by COVEY_MODELS, --dir, an address and --name', async () => {
    const elsewhere = join(home, 'elsewhere')
    const [one, two, three] = await Promise.all([
      covey(['model', 'pull', ID, ...JSON_END], { COVEY_MODELS: elsewhere }),
      covey(['model', 'pull', ID, '--dir', join(home, 'n'), '--name', 'my/own', '--revision', COMMIT, ...JSON_END]),
      covey(['model', 'pull', `${server.url}/${ID}/tree/main`, '--name', 'my/other', ...JSON_END], {
        HF_ENDPOINT: 'http://127.0.0.1:9',
      }),
    ])
    expect(resultOf(one).dir).to.equal(join(elsewhere, ...ID.split('/')))
    expect(resultOf(two)).to.deep.include({ name: 'my/own', dir: join(home, 'n', 'models', 'my', 'own') })
    expect(resultOf(three)).to.deep.include({ name: 'my/other', dir: join(home, '.covey', 'models', 'my', 'other') })
    const both = resultOf(await covey(['model', 'list', '--dir', join(home, 'n'), ...JSON_END]))
    expect(both.models.map((m: { name: string }) => m.name)).to.deep.equal(['my/own', 'my/other'])
  })

  it('takes a folder', async () => {
    const run = await covey(['model', 'pull', tiny, '--link', ...JSON_END])
    expect(resultOf(run)).to.deep.include({ name: 'local/tiny', source: { kind: 'folder', folder: tiny } })
    const wrong = await covey(['model', 'pull', tiny, '--revision', 'main', ...JSON_END])
    expect(resultOf(wrong).error.message).to.include('--revision has no meaning for a model from a folder')
    const bare = join(home, 'bare')
    await mkdir(bare)
    expect(resultOf(await covey(['model', 'pull', bare, ...JSON_END])).error.code).to.equal('E_MODEL_FILE')
  })

  it('refuses a model that it could not use before its weights come', async () => {
    const { files = {} } = server.repos.get(ID) ?? {}
    const config = {
      ...JSON.parse(Buffer.from(files['config.json'] ?? []).toString()),
      architectures: ['SomethingElse'],
    }
    server.repos.set(ID, { commit: COMMIT, files: { ...files, 'config.json': utf8.encode(JSON.stringify(config)) } })
    const run = await covey(['model', 'pull', ID, ...JSON_END])
    expect(run.code).to.equal(1)
    expect(resultOf(run).error.code).to.equal('E_MODEL_ARCHITECTURE')
    expect(server.ranges('model.safetensors')).to.deep.equal([])
  })

  it('sends a token to the hub that it is for, and shows it to nobody', async () => {
    server.token = 'hf_secret'
    const [without, withToken] = [
      await covey(['model', 'pull', ID, ...JSON_END]),
      await covey(['model', 'pull', ID, ...JSON_END], { HF_TOKEN: 'hf_secret' }),
    ]
    expect(resultOf(without).error.code).to.equal('E_HUB_ACCESS')
    expect(resultOf(withToken)).to.include({ name: ID })
    expect(server.seen.filter((s) => s.server === 'store').map((s) => s.authorization)).to.not.include(
      'Bearer hf_secret',
    )
    server.seen.length = 0
    // an address of another hub than the one that the token is for
    const pasted = await covey(['model', 'pull', `${server.url}/${ID}`, '--name', 'x/y'], {
      HF_TOKEN: 'hf_secret',
      HF_ENDPOINT: '',
    })
    expect(pasted.code).to.equal(1)
    expect(pasted.stderr).to.include('HF_TOKEN is not sent to 127.0.0.1')
    expect(server.seen.map((s) => s.authorization)).to.deep.equal([null])
    const broken = await covey(['model', 'pull', ID], { HF_TOKEN: 'hf_secret\nx: y' })
    expect(broken.code).to.equal(2)
    for (const run of [without, withToken, pasted, broken]) expect(run.stdout + run.stderr).not.to.include('hf_secret')
  })

  it('says what it cannot take', async () => {
    const cases: [args: string[], code: string][] = [
      [['model', 'pull', 'gpt2'], 'E_ARGUMENT'],
      [['model', 'pull', ID, '--name', '../x'], 'E_ARGUMENT'],
      [['model', 'pull', ID, '--revision', 'v9'], 'E_HUB_MISSING'],
      [['model', 'pull', ID, '--endpoint', 'hub.example'], 'E_CONFIG'],
      [['model', 'pull', ID, '--link'], 'E_ARGUMENT'],
      [['model', 'rm', '../..', '--yes'], 'E_ARGUMENT'],
      [['train', '/nowhere.jsonl', '--model', 'no/such'], 'E_MODEL_FILE'],
    ]
    const runs = await Promise.all(cases.map(([args]) => covey([...args, ...JSON_END])))
    expect(runs.map((run) => resultOf(run).error.code)).to.deep.equal(cases.map(([, code]) => code))
  })
})
