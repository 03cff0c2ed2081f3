/** One arena by commands only, from accounts that hold nothing but tokens to claimed rewards. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { COMMANDS } from '../../cli/commands.ts'
import { Output } from '../../cli/output.ts'
import { buildProgram } from '../../cli/program.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { createEvmLedger, type EvmLedger } from '../../src/ledger/evm/ledger.ts'
import { loadModel } from '../../src/model/folder/load.ts'
import type { ArenaSettlement } from '../../src/types/arena.ts'
import type { Address } from '../../src/types/ledger.ts'
import { expectRejects } from '../support/expect-error.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../support/ledger-anvil.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const TOKEN = 10n ** 18n
const PASSWORD = 'correct horse'
const TRAINERS = ['ann', 'ben', 'cem'] as const
const VALIDATORS = ['vera', 'will'] as const
const HOMES = ['creator', ...TRAINERS, ...VALIDATORS, 'dora'] as const
/** of different worth: steps of training, and how */
const TRAINING = { ann: '--steps 24 --rank 4', ben: '--steps 1 --rank 2', cem: '--steps 8 --method ia3' }

interface Run {
  readonly result: Record<string, unknown>
  readonly text: string
}

describe('covey arena', function () {
  this.timeout(180_000)
  let world: TestChain
  let bank: EvmLedger
  let model: string
  const accounts: Record<string, Address> = {}
  const serving: (() => Promise<unknown>)[] = []

  const env = (): Record<string, string> => ({
    COVEY_PASSWORD: PASSWORD,
    COVEY_RPC: world.chain.url,
    COVEY_CONTRACTS: join(world.dir, 'at.json'),
    COVEY_MODEL: model,
    COVEY_THREADS: '1',
    COVEY_PRECISION: 'fp32',
  })

  /** What the command returned, and the lines that it printed. */
  async function covey(
    home: string,
    line: string,
    signal = new AbortController().signal,
    onText = (_: string) => {},
  ): Promise<Run> {
    let result: unknown
    let text = ''
    const write = (part: string): void => {
      text += part
      onText(text)
    }
    const output = new Output(false, { stdout: { write }, stderr: { write: () => {} } })
    const program = buildProgram(COMMANDS, '0', async (command, options, args) => {
      const handler = await command.handler()
      result = await handler(options, args, { output, signal, env: env(), yes: true, fail: () => {} })
    })
    await program.parseAsync([...line.split(' '), '--dir', join(world.dir, home)], { from: 'user' })
    return { result: result as Record<string, unknown>, text }
  }

  /** Serves a home's blobs from now on; @returns where */
  async function serve(home: string): Promise<string> {
    const abort = new AbortController()
    let running: Promise<unknown> = Promise.resolve()
    const address = await new Promise<string>((resolve, reject) => {
      running = covey(home, 'arena serve --listen /ip4/127.0.0.1/tcp/0', abort.signal, (text) => {
        const at = /serving at (\S+)/.exec(text)?.[1]
        if (at !== undefined) resolve(at)
      })
      running.catch(reject)
    })
    serving.push(() => {
      abort.abort()
      return running
    })
    return address
  }

  before(async () => {
    world = await startTestChain(['deployer'])
    model = await writeTinyModel(join(world.dir, 'model'))
    const rpcUrl = world.chain.url
    const signer = testSigner('deployer')
    const [supply, unbondingSeconds] = [10n ** 26n, 86_400]
    const addresses = await deployContracts({
      rpcUrl,
      chainId: TEST_CHAIN_ID,
      signer,
      supply,
      unbondingSeconds,
      poll_ms: 5,
    })
    await writeFile(join(world.dir, 'at.json'), JSON.stringify(addresses))
    bank = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
    for (const home of HOMES) {
      const { account } = (await covey(home, 'init --fast-kdf')).result as { account: Address }
      accounts[home] = account
      await world.chain.admin('anvil_setBalance', [account, `0x${(10n ** 20n).toString(16)}`])
      await bank.transfer(account, 1000n * TOKEN)
    }
  })
  after(async () => {
    for (const stop of serving) await stop()
    await bank.stop()
    await world.remove()
  })

  it('goes from trained adapters to ranks, a champion and claimed rewards', async () => {
    // data, and three adapters of it
    const records = Array.from({ length: 16 }, (_, i) => JSON.stringify({ text: `say ${i % 4}`, label: `l${i % 4}` }))
    const data = join(world.dir, 'data.jsonl')
    await writeFile(data, records.join('\n'))
    for (const name of TRAINERS)
      await covey(
        name,
        `train ${data} --prompt {text}: --completion {label} --max-tokens 32 --batch 4 --warmup 0 ${TRAINING[name]} --out ${join(world.dir, name, 'adapter')}`,
      )

    // the arena
    const probe = join(world.dir, 'probe')
    await mkdir(probe)
    const slice = records.slice(0, 4).map((line) => {
      const { text, label } = JSON.parse(line) as { text: string; label: string }
      return JSON.stringify({ prompt: `${text}:`, completion: label })
    })
    for (const epoch of [1, 2]) await writeFile(join(probe, `${epoch}.jsonl`), slice.join('\n'))
    const { digest, name } = await loadModel(model)
    const terms = {
      pool: String(300n * TOKEN),
      minStake: String(50n * TOKEN),
      epochs: 2,
      entrants: 3,
      validators: 2,
      endsAt: (await bank.time()) + 86_400,
      seconds: { submit: 3600, slice: 600, reveal: 600, score: 3600, tally: 600 },
      rules: {
        gammaBps: 2000,
        ratioBps: 5000,
        alpha: 'root',
        floor: 0,
        tolerance: 20,
        slashBps: 1000,
        faultBps: 100,
        keeperBps: 50,
      },
    }
    const spec = {
      version: 1,
      kind: 'arena',
      name: 'labels',
      model: { name, digest },
      maxTokens: 32,
      data: { prompt: '{text}:', completion: '{label}' },
    }
    const [file, specFile] = [join(world.dir, 'arena.json'), join(world.dir, 'spec.json')]
    await writeFile(file, JSON.stringify({ spec, terms, probe: './probe' }))
    expect((await covey('creator', `arena create --arena-file ${file} --spec-out ${specFile}`)).text).to.contain(
      'arena 1: 300 COVEY for 2 epochs',
    )
    // the same file is the same arena
    expect((await covey('creator', `arena create --arena-file ${file} --spec-out ${specFile}`)).result.arena).to.equal(
      1,
    )

    // stakes, a delegator, places
    for (const home of [...TRAINERS, ...VALIDATORS]) await covey(home, 'stake deposit 100')
    await covey('ann', 'delegate commission 10')
    await covey('dora', `delegate to ${accounts.ann} 100`)
    for (const home of TRAINERS) await covey(home, 'arena enter 1 --as entrant')
    for (const home of VALIDATORS) await covey(home, 'arena enter 1 --as validator')
    expect((await covey('dora', 'arena list')).text).to.contain('3 of 3 entrants, 2 in the pool of validators')

    // one epoch
    expect((await covey('creator', 'arena keep 1')).result.step).to.equal('start')
    await expectRejects(() => covey('vera', 'arena validate 1'), 'E_ARGUMENT')
    for (const home of TRAINERS) {
      const out = `--out ${join(world.dir, `${home}.blob`)}`
      await covey(home, `arena submit 1 ${join(world.dir, home, 'adapter')} ${out}`)
      // said again: nothing is sent
      if (home === 'ann')
        expect((await covey(home, `arena submit 1 ${join(world.dir, home, 'adapter')}`)).result.transaction).to.equal(
          null,
        )
    }
    expect((await covey('creator', `arena keep 1 --arena-file ${file}`)).result).to.include({
      step: 'slice',
      phase: 'reveal',
    })
    for (const home of TRAINERS) expect((await covey(home, 'arena submit 1')).result.act).to.equal('reveal')
    expect((await covey('creator', 'arena keep 1')).text).to.contain('nothing is due')

    // one validator has the blobs from peers, the other as files that were handed over
    const peers = []
    for (const home of ['creator', ...TRAINERS]) peers.push(`--bootstrap ${await serve(home)}`)
    const vera = await covey('vera', `arena validate 1 ${peers.join(' ')} --blob ${specFile}`)
    const handed = [specFile, ...TRAINERS.map((home) => join(world.dir, `${home}.blob`))]
    await expectRejects(
      () => covey('will', `arena validate 1 ${handed.map((f) => `--blob ${f}`).join(' ')}`),
      'E_BLOB_UNAVAILABLE',
    )
    const told = await covey('will', `arena validate 1 ${peers[0]} ${handed.map((f) => `--blob ${f}`).join(' ')}`)
    expect(told.result.scores).to.deep.equal(vera.result.scores)
    for (const home of VALIDATORS) expect((await covey(home, 'arena validate 1')).result.act).to.equal('reveal')

    const board = await covey('dora', 'arena board 1')
    const { entries, validators } = board.result.settlement as ArenaSettlement
    const [ann, ben, cem] = entries.map(({ rank, median, paid }) => ({ rank, median, paid }))
    expect(ann?.median).to.be.greaterThan(ben?.median as number)
    expect([ann, ben, cem].map((e) => e?.rank).sort()).to.deep.equal([1, 2, 3])
    expect(validators.map((v) => v.outcome)).to.deep.equal(['agreed', 'agreed'])
    const first = TRAINERS[entries.findIndex((e) => e.rank === 1)] as string
    expect((board.result.champion as { account: Address }).account).to.equal(accounts[first])
    expect(board.text).to.match(/ 1 {2}0x/)

    // everybody collects what they are owed
    let paid = 0n
    for (const home of [...TRAINERS, ...VALIDATORS]) paid += (await claimed(home)) as bigint
    const before = (await bank.accountView(accounts.dora as Address)).wallet
    await covey('dora', 'delegate claim')
    paid += (await bank.accountView(accounts.dora as Address)).wallet - before
    expect(150n * TOKEN - paid >= 0n && 150n * TOKEN - paid < 20n).to.equal(true)
    expect((await covey('vera', 'arena claim')).text).to.equal('nothing to claim\n')
  })

  /** Of a home whose blobs may be served: its folder is held then, so the serving ends first. */
  async function claimed(home: string): Promise<unknown> {
    for (const stop of serving.splice(0)) await stop()
    return (await covey(home, 'arena claim')).result.claimed
  }

  it('says what is wrong with what was typed', async () => {
    await expectRejects(() => covey('ann', 'arena show x'), 'E_CONFIG')
    await expectRejects(() => covey('ann', 'arena create'), 'E_CONFIG')
    await expectRejects(() => covey('ann', 'arena show 9'), 'E_REVERT')
  })
})
