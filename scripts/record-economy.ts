/**
 * Records docs/recorded-economy.md: from an empty chain to claimed rewards, by `covey` commands only, each a process of its
 * own. Fails when what `rewards explain` and `emissions explain` say is not what was claimed and what is in the wallets, to the
 * last wei.
 *
 *   npm run record:economy               writes the page
 *   npm run record:economy -- FILE       writes it elsewhere
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SHIPPED_MODEL } from '../cli/common.ts'
import { CoveyError } from '../src/base/errors.ts'
import { GENERATED_COMPLETION, GENERATED_PROMPT, type GeneratedRecord, generateRecords } from '../src/data/generate.ts'
import type { Deployment } from '../src/ledger/abi/contracts.ts'
import { loadModel } from '../src/model/folder/load.ts'
import {
  ARENA_POOL,
  type ArenaFiles,
  collectAll,
  commitAll,
  enterAll,
  revealAll,
  serveAll,
  stakeAll,
  trainAdapters,
  writeArena,
} from '../test/support/economy/arena.ts'
import { type Books, checkMoney, type Pool } from '../test/support/economy/check.ts'
import { type Accounts, CAST, handOut, makeAccounts, together, VALIDATORS } from '../test/support/economy/stage.ts'
import { ALLIANCE_NODES, ALLIANCE_POOL, playAlliance, writeAlliance } from './record/alliance.ts'
import { Names } from './record/names.ts'
import { Processes } from './record/processes.ts'
import { Transcript } from './record/transcript.ts'

const PAGE = fileURLToPath(new URL('../docs/recorded-economy.md', import.meta.url))
const TOKEN = 10n ** 18n
const SUPPLY = 10_000
const EMISSIONS = 1_000
const EPOCHS = 2
const LOCKED = 50
/** What each is given, and puts elsewhere: pools, a stake, a delegation and a lock. */
const GIVEN = { creator: ALLIANCE_POOL + ARENA_POOL, ann: 100, ben: 100, cem: 100, vera: 100, will: 100, dora: 150 }
const DATA = { prompt: GENERATED_PROMPT, completion: GENERATED_COMPLETION, maxTokens: 96 }
/** As little variety as quickstart's data has: the shipped base learns it within minutes. */
const SMALL = { trades: ['bank'], perTrade: 48, toolsPerTrade: 2, wordsPerSlot: 3 }

const names = new Names()
const transcript = new Transcript(names, (text) => console.log(text))
const dir = await mkdtemp(join(tmpdir(), 'covey-economy-'))
const env = { COVEY_PASSWORD: 'correct horse battery staple', COVEY_THREADS: '1', COVEY_PRECISION: 'fp32' }
const stage = new Processes(dir, env, transcript)
names.set(`${dir}/`, '')
names.set(SHIPPED_MODEL, 'covey-nano')

try {
  await play()
  await writeFile(process.argv[2] ?? PAGE, transcript.page())
} finally {
  await stage.stopAll()
  await rm(dir, { recursive: true })
}

async function play(): Promise<void> {
  transcript.say('# An economy, recorded')
  transcript.say(
    [
      'Written by `npm run record:economy`: every line after a name and `$` was a process of its own, and what stands below it is what it printed.',
      'Addresses are shown as their owners’ names, times as seconds since the beginning, hashes and ports as `…`.',
      'Each person has a data directory (`--dir NAME`, left out here, as is `--yes`); the chain, the contracts and the password are in the environment (`COVEY_RPC`, `COVEY_CONTRACTS`, `COVEY_PASSWORD`).',
      'People who need not wait for each other did not.',
    ].join(' '),
  )
  transcript.say('## Keys, a chain, contracts')
  const accounts = await makeAccounts(stage)
  for (const name of CAST) names.account(accounts[name], name.toUpperCase())
  await openChain(accounts)

  transcript.say('## Tokens and gas for everybody, stakes, a delegator')
  transcript.withNotes()
  await handOut(stage, accounts, GIVEN)
  await stakeAll(stage, accounts)

  const model = await loadModel(SHIPPED_MODEL)
  transcript.say('## A task of an alliance: two rounds')
  const task = await writeAlliance(dir, model, DATA, records('the probe', 'test'))
  await together(ALLIANCE_NODES, (name) => write(`${name}.jsonl`, records(name)))
  await playAlliance(stage, task, (name) => join(dir, `${name}.jsonl`))
  await stage.covey('dora', 'task show 1')

  transcript.say('## An arena: three trainers, two validators, two epochs, and emissions for its pool')
  const data = { ...DATA, records: records('the slices', 'test') }
  await trainAdapters(stage, await write('arena.jsonl', records('the arena')), data)
  const endsAt = Math.floor(Date.now() / 1000) + 86_400
  const arena = await writeArena(dir, { name: model.name, digest: model.digest }, data, EPOCHS, endsAt)
  await stage.covey('creator', ['arena', 'create', '--arena-file', arena.file, '--spec-out', arena.spec])
  await enterAll(stage, 1)
  await stage.covey('bank', `emissions deploy ${EMISSIONS} --rate 100000000 --holders 20 --full-lock 1`)
  const { emissions } = JSON.parse(await readFile(join(dir, 'contracts.json'), 'utf8')) as Deployment
  names.account(emissions as string, '(emissions)')
  await stage.covey('bank', 'emissions open')
  await stage.covey('dora', `emissions lock ${LOCKED} --arena 1 --days 30`)
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    transcript.say(`### Epoch ${epoch}`)
    if (epoch > 1) await stage.covey('dora', 'emissions pull --arena 1')
    await playEpoch(arena)
  }
  await stage.covey('dora', 'arena show 1')

  transcript.say('## Everybody collects')
  await collectAll(stage)
  for (const line of ['unlock 1', 'claim', 'pull --arena 1']) await stage.covey('dora', `emissions ${line}`)

  transcript.say('## How it came about')
  for (const name of ['ann', 'vera', 'dora', 'creator'] as const) await stage.covey(name, 'rewards explain')
  await stage.covey('dora', 'emissions explain')

  transcript.say('## To the last wei')
  transcript.say(
    'For every account: what it was given less what it put elsewhere (pools, stakes, a delegation, a lock), plus what `rewards explain` and `emissions explain` say that it claimed, is what is in its wallet. The chain owes nobody anything. Of each pool, with what emissions gave to it: what was paid, kept by keepers and given back is explained in full. The run fails otherwise.',
  )
  transcript.say(await checkAll(accounts))
}

async function openChain(accounts: Accounts): Promise<void> {
  const chain = ['chain', 'up', '--port', '0', '--fund', accounts.bank]
  const { found: rpc } = await stage.begin('bank', chain, /at (http:\S+)/)
  stage.setEnv('COVEY_RPC', rpc)
  const contracts = join(dir, 'contracts.json')
  await stage.covey('bank', ['chain', 'deploy', '--out', contracts, '--supply', `${SUPPLY}`, '--unbonding-days', '1'])
  stage.setEnv('COVEY_CONTRACTS', contracts)
  const at = JSON.parse(await readFile(contracts, 'utf8')) as Deployment
  for (const name of ['token', 'registry', 'vault', 'tasks', 'arena'] as const) names.account(at[name], `(${name})`)
  await stage.covey('dora', 'chain verify')
}

async function playEpoch({ file, spec }: ArenaFiles): Promise<void> {
  await stage.covey('creator', 'arena keep 1')
  await commitAll(stage, 1)
  await stage.covey('creator', ['arena', 'keep', '1', '--arena-file', file])
  await revealAll(stage, 1)
  const serving = await serveAll(stage)
  const peers = serving.flatMap(({ found }) => ['--bootstrap', found])
  await together(VALIDATORS, (name) => stage.covey(name, ['arena', 'validate', '1', '--blob', spec, ...peers]))
  for (const one of serving) await one.stop()
  await together(VALIDATORS, (name) => stage.covey(name, 'arena validate 1'))
  await stage.covey('dora', 'arena board 1')
}

async function checkAll(accounts: Accounts): Promise<string> {
  const given = Object.values(GIVEN).reduce((a, b) => a + b, 0)
  const books: Books = new Map(
    CAST.map((name) => [name, name === 'bank' ? BigInt(SUPPLY - given - EMISSIONS) * TOKEN : 0n]),
  )
  const locks = (await stage.look('dora', 'emissions explain')) as unknown as {
    readonly agrees: boolean
    readonly totals: { readonly claimed: string; readonly claimable: string }
    readonly targets: readonly { readonly pulled: string }[]
  }
  const [target] = locks.targets
  if (!locks.agrees || locks.totals.claimable !== '0' || target === undefined)
    throw new CoveyError('E_INTERNAL', 'what the lock earned is not explained')
  const pool = (own: number, other: bigint): Pool => ({ own: BigInt(own) * TOKEN, given: other, left: 0n })
  const pools = { task: pool(ALLIANCE_POOL, 0n), arena: pool(ARENA_POOL, BigInt(target.pulled)) }
  return checkMoney(stage, accounts, books, pools, new Map([['dora', BigInt(locks.totals.claimed)]]))
}

function records(whose: string, part: 'train' | 'test' = 'train'): readonly GeneratedRecord[] {
  return generateRecords({ ...SMALL, seed: whose, part })
}

async function write(file: string, lines: readonly unknown[]): Promise<string> {
  const path = join(dir, file)
  await writeFile(path, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
  return path
}
