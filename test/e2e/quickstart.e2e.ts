/**
 * The whole loop as a stranger runs it, small: real processes, real libp2p over TCP, a real EVM, the real engine on a
 * tiny model, level on disk, HTTP over a socket. Two nodes are killed (SIGKILL) on the way and started again.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { QuickstartResult } from '../../cli/cmds/quickstart/result.ts'
import type { TaskAudit } from '../../node/audit/audit.ts'
import { coveyAfter } from '../support/finished-run.ts'
import { type CliRun, runCli } from '../support/run-cli.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const DOMAINS = ['bank', 'clinic', 'plant', 'school']
/** Each record has one of its own: `zebra-17-`. */
const CANARY = /zebra-\d+-/g

/** Records whose label can be learnt; each domain has labels of its own. */
function records(): string {
  const lines: string[] = []
  for (const [d, domain] of DOMAINS.entries()) {
    for (let i = 0; i < 90; i++) {
      lines.push(
        JSON.stringify({ text: `${domain} zebra-${lines.length}- ask`, intent: `${'abcd'[d]}${i % 3}`, domain }),
      )
    }
  }
  return `${lines.join('\n')}\n`
}

describe('quickstart', () => {
  let home: string
  let run: CliRun
  let result: QuickstartResult
  let dir: string
  let model: string

  before(async function () {
    this.timeout(400_000)
    home = await mkdtemp(join(tmpdir(), 'covey-e2e-'))
    dir = join(home, 'run')
    const data = join(home, 'data.jsonl')
    await writeFile(data, records())
    model = await writeTinyModel(join(home, 'model'))
    run = await runCli([
      ...['quickstart', '--json', '--dir', dir, '--model', model, '--data', data, '--partition-by', 'domain'],
      ...['--prompt', 'T {text}\\nI', '--completion', ' {intent}', '--nodes', '4', '--proposers', '2', '--voters', '2'],
      ...[
        '--rounds',
        '3',
        '--steps',
        '3',
        '--batch',
        '8',
        '--slice',
        '12',
        '--rank',
        '4',
        '--crash',
        '2',
        '--seed',
        '3',
      ],
      ...['--phase-seconds', '30', '--no-compare'],
    ])
    if (run.code === 0) result = JSON.parse(run.stdout) as QuickstartResult
  })

  after(async function () {
    const failed = this.test?.parent?.tests.some((t) => t.state !== 'passed')
    // what the processes said is wanted then
    if (failed) console.error(`    the logs are kept: ${join(dir, 'logs')}`)
    else await rm(home, { recursive: true, force: true })
  })

  it('ends well and prints one JSON object and nothing else', () => {
    expect(run.code, run.stderr.slice(-2000)).to.equal(0)
    expect(run.stdout.trim().split('\n')).to.have.length(1)
    expect(result.rounds.map((r) => r.round)).to.deep.equal([1, 2, 3])
    expect(result.task.specDigest).to.match(/^[0-9a-f]{64}$/)
  })

  it('all nodes hold the same global adapter, those that were killed too', () => {
    expect(result.crashes.map((c) => c.role).sort()).to.deep.equal(['proposer', 'voter'])
    expect(new Set(result.agreement.globalDigests).size).to.equal(1)
    expect(result.agreement.globalDigests).to.have.length(4)
    expect(result.agreement.globalDigests[0]).to.equal(result.rounds.at(-1)?.globalDigest)
  })

  it('a killed node lost nothing: no seat was left unrevealed and nobody was slashed', () => {
    for (const round of result.rounds) {
      expect(Object.values(round.outcomes)).to.not.include.members(['unrevealed'])
      expect(round.included.length).to.be.greaterThan(0)
    }
    for (const reward of result.rewards) expect(reward.slashed, reward.node).to.equal('0')
  })

  it('money is conserved: what was paid and what was left is what was there', () => {
    const sum = result.rewards.reduce((n, r) => n + BigInt(r.balance), 0n)
    // four stakes and the pool of three rounds
    expect(sum).to.equal(4n * 120n * 10n ** 18n + 3n * 100n * 10n ** 18n)
    const earned = result.rewards.reduce((n, r) => n + BigInt(r.earned), 0n)
    expect(earned > 0n).to.equal(true)
  })

  it('answers over HTTP with the adapter that was agreed on', () => {
    expect(result.served?.digest).to.equal(result.agreement.globalDigests[0])
    expect(result.served?.answer).to.be.a('string')
  })

  it('can be audited: what each round gained is divided among those whose deltas were included', async function () {
    this.timeout(60_000)
    const picture = join(home, 'worth.svg')
    const { result: found, stdout } = await coveyAfter(dir, [
      ...['task', 'audit', '1', '--dir', join(dir, 'node-0'), '--blobs', join(dir, 'coordinator'), '--model', model],
      ...['--threads', '1', '--plot', picture],
    ])
    const { rounds, leftOut, differing, accounts, slicesMissing } = found as unknown as TaskAudit
    expect([leftOut, differing, slicesMissing]).to.deep.equal([[], [], []])
    for (const { round, shares, gain } of rounds) {
      expect(shares.flatMap((s) => s.accounts)).to.have.members(result.rounds[round - 1]?.included as string[])
      expect(shares.reduce((sum, s) => sum + s.value, 0)).to.be.closeTo(gain, 1e-9)
    }
    expect(rounds.map((r) => r.round)).to.deep.equal([1, 2, 3])
    for (const { account } of accounts) expect(stdout).to.contain(account)
    expect(await readFile(picture, 'utf8')).to.match(/^<svg .*<polyline /s)
    // what voters paid is no part of it, what was paid to proposers is
    const earned = new Map(result.rewards.map((r) => [r.account, BigInt(r.earned)]))
    for (const { account, paid } of accounts) expect(paid <= (earned.get(account) as bigint)).to.equal(true)
  })

  it('what is in a private file is in no log, no chain state, no other node and no published blob', async () => {
    const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((f) => f.isFile())
    const texts = await Promise.all(
      files.map(async (f) => ({
        path: join(f.parentPath, f.name),
        text: (await readFile(join(f.parentPath, f.name))).toString('latin1'),
      })),
    )
    const secret = new Set<string>()
    for (const { path, text } of texts)
      if (path.endsWith('private.jsonl')) for (const hit of text.match(CANARY) ?? []) secret.add(hit)
    expect(secret.size).to.be.greaterThan(200)
    const holders = texts.filter(({ path }) => !path.endsWith('private.jsonl'))
    // the search can find: the probe's own records are canaries of the same kind, and are meant to be published
    expect(holders.some(({ text }) => (text.match(CANARY) ?? []).length > 0)).to.equal(true)
    const leaks = holders.filter(({ text }) => (text.match(CANARY) ?? []).some((hit) => secret.has(hit)))
    expect(leaks.map(({ path }) => path)).to.deep.equal([])
  })
})
