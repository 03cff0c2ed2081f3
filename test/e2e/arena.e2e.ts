/** One arena by commands only, from an empty chain to claimed rewards that are explained to the last wei. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadModel } from '../../src/model/folder/load.ts'
import type { ArenaSettlement, EntryResult } from '../../src/types/arena.ts'
import type { Address } from '../../src/types/ledger.ts'
import {
  ARENA_POOL,
  type ArenaFiles,
  blobOf,
  collectAll,
  commitAll,
  enterAll,
  revealAll,
  serveAll,
  stakeAll,
  trainAdapters,
  writeArena,
} from '../support/economy/arena.ts'
import { checkMoney } from '../support/economy/check.ts'
import { InProcess } from '../support/economy/in-process.ts'
import { type Accounts, CAST, handOut, makeAccounts, TRAINERS, VALIDATORS } from '../support/economy/stage.ts'
import { expectRejects } from '../support/expect-error.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const TOKEN = 10n ** 18n
const SUPPLY = 10_000
/** What each is given, and puts elsewhere: the arena's pool, a stake, a delegation. */
const GIVEN = { creator: ARENA_POOL, ann: 100, ben: 100, cem: 100, vera: 100, will: 100, dora: 100 }
const RECORDS = Array.from({ length: 16 }, (_, i) => ({ text: `say ${i % 4}`, label: `l${i % 4}` }))
const DATA = { records: RECORDS, prompt: '{text}:', completion: '{label}', maxTokens: 32 }

describe('covey arena', function () {
  this.timeout(180_000)
  let stage: InProcess
  let accounts: Accounts
  let arena: ArenaFiles

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'covey-arena-'))
    const model = await writeTinyModel(join(dir, 'model'))
    stage = new InProcess(dir, {
      COVEY_PASSWORD: 'correct horse',
      COVEY_MODEL: model,
      COVEY_THREADS: '1',
      COVEY_PRECISION: 'fp32',
    })
    accounts = await makeAccounts(stage)
    const { found: rpc } = await stage.begin('bank', `chain up --port 0 --fund ${accounts.bank}`, /at (http:\S+)/)
    stage.setEnv('COVEY_RPC', rpc)
    const contracts = join(dir, 'contracts.json')
    await stage.covey('bank', `chain deploy --out ${contracts} --supply ${SUPPLY} --unbonding-days 1`)
    stage.setEnv('COVEY_CONTRACTS', contracts)
    await handOut(stage, accounts, GIVEN)

    const data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.map((record) => JSON.stringify(record)).join('\n'))
    await trainAdapters(stage, data, DATA)
    const { digest, name } = await loadModel(model)
    const endsAt = Math.floor(Date.now() / 1000) + 86_400
    arena = await writeArena(dir, { name, digest }, DATA, 2, endsAt)
  })
  after(async () => {
    await stage.stopAll()
    await rm(stage.dir, { recursive: true })
  })

  it('goes from trained adapters to ranks, a champion and claimed rewards', async () => {
    const create = ['arena', 'create', '--arena-file', arena.file, '--spec-out', arena.spec]
    expect(await stage.covey('creator', create)).to.contain('arena 1: 300 COVEY for 2 epochs')
    // the same file is the same arena
    expect((await stage.run('creator', create)).result.arena).to.equal(1)
    await stakeAll(stage, accounts)
    await enterAll(stage, 1)
    expect(await stage.covey('dora', 'arena list')).to.contain('3 of 3 entrants, 2 in the pool of validators')

    // one epoch
    expect((await stage.run('creator', 'arena keep 1')).result.step).to.equal('start')
    await expectRejects(() => stage.covey('vera', 'arena validate 1'), 'E_ARGUMENT')
    await stage.covey('ann', ['arena', 'submit', '1', join(stage.dir, 'ann', 'adapter')])
    // said again: nothing is sent
    const again = await stage.run('ann', ['arena', 'submit', '1', join(stage.dir, 'ann', 'adapter')])
    expect(again.result.transaction).to.equal(null)
    await commitAll(stage, 1)
    const keep = await stage.run('creator', ['arena', 'keep', '1', '--arena-file', arena.file])
    expect(keep.result).to.include({ step: 'slice', phase: 'reveal' })
    await revealAll(stage, 1)
    expect(await stage.covey('creator', 'arena keep 1')).to.contain('nothing is due')

    // one validator has the blobs from peers, the other as files that were handed over
    const serving = await serveAll(stage)
    const peers = serving.flatMap(({ found }) => ['--bootstrap', found])
    const vera = await stage.run('vera', ['arena', 'validate', '1', '--blob', arena.spec, ...peers])
    const handed = [arena.spec, ...TRAINERS.map((name) => blobOf(stage, name))].flatMap((file) => ['--blob', file])
    await expectRejects(() => stage.covey('will', ['arena', 'validate', '1', ...handed]), 'E_BLOB_UNAVAILABLE')
    const told = await stage.run('will', ['arena', 'validate', '1', ...peers.slice(0, 2), ...handed])
    expect(told.result.scores).to.deep.equal(vera.result.scores)
    for (const one of serving) await one.stop()
    for (const name of VALIDATORS) expect((await stage.run(name, 'arena validate 1')).result.act).to.equal('reveal')

    const board = await stage.run('dora', 'arena board 1')
    const { validators } = board.result.settlement as ArenaSettlement
    const ranks = board.result.board as readonly (EntryResult & { account: Address })[]
    const medianOf = (name: (typeof TRAINERS)[number]): number =>
      ranks.find(({ account }) => account === accounts[name])?.median as number
    expect(medianOf('ann')).to.be.greaterThan(medianOf('ben'))
    expect(ranks.map(({ rank }) => rank)).to.deep.equal([1, 2, 3])
    expect(validators.map((v) => v.outcome)).to.deep.equal(['agreed', 'agreed'])
    expect((board.result.champion as { account: Address }).account).to.equal(ranks[0]?.account)
    expect(board.text).to.match(/ 1 {2}0x/)
  })

  it('pays everybody what is explained, to the last wei', async () => {
    await collectAll(stage)
    expect(await stage.covey('vera', 'arena claim')).to.equal('nothing to claim\n')
    const explained = await stage.covey('ann', 'rewards explain --arena 1')
    for (const part of [
      /epoch 1 {2}entrant, ranked {2}200 COVEY behind it/,
      /the epoch's reward is 150 COVEY/,
      /90 COVEY of it for entrants, 60 COVEY for validators: γ 20 % each, the rest by stake/,
      /scores \(nats better than the base\): .*; median by stake \d\.\d+, floor 0\.0000/,
      /rank [123] of 3: 50 % of the rank before, so .* by √stake/,
      /− [\d.]+ COVEY to those who delegate to it, by stake, less a commission of 10 %/,
      /the chain owes exactly this/,
    ])
      expect(explained).to.match(part)
    expect(await stage.covey('vera', 'rewards explain')).to.match(/epoch 1 {2}validator, agreed[\s\S]*\+ 30 COVEY/)
    expect(await stage.covey('dora', 'rewards explain')).to.match(/arena 1 epoch 1 {2}0x\w+ earned/)

    const { poolLeft } = (await stage.look('dora', 'arena show 1')).arena as { poolLeft: string }
    const spent = Object.values(GIVEN).reduce((a, b) => a + b, 0)
    const books = new Map(CAST.map((name) => [name, name === 'bank' ? BigInt(SUPPLY - spent) * TOKEN : 0n] as const))
    const none = { own: 0n, given: 0n, left: 0n }
    const pool = { own: BigInt(ARENA_POOL) * TOKEN, given: 0n, left: BigInt(poolLeft) }
    const table = await checkMoney(stage, accounts, books, { task: none, arena: pool })
    expect(table.split('\n')).to.have.lengthOf(2 + CAST.length)
  })

  it('says what is wrong with what was typed', async () => {
    await expectRejects(() => stage.covey('ann', 'arena show x'), 'E_CONFIG')
    await expectRejects(() => stage.covey('ann', 'arena create'), 'E_CONFIG')
    await expectRejects(() => stage.covey('ann', 'arena show 9'), 'E_REVERT')
  })
})
