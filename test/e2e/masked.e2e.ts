/**
 * Masked rounds as a stranger runs them: real processes, one of them killed (SIGKILL) in the middle of the first round. Afterwards the
 * deltas of that round are trained once more from the nodes' own files, and searched for in everything that is on any disk.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { QuickstartResult } from '../../cli/cmds/quickstart/result.ts'
import { readTaskFile } from '../../coordinator/task-file.ts'
import type { TaskAudit } from '../../node/audit/audit.ts'
import { auditContext } from '../../node/audit/context.ts'
import { noNetwork } from '../../node/audit/no-network.ts'
import { startLine } from '../../node/duties/global.ts'
import { trainDelta } from '../../node/duties/train.ts'
import { loadPrivateData } from '../../node/private-data.ts'
import { nodeFiles } from '../../node/settings.ts'
import { decodeAdapter, decodeDelta } from '../../src/adapter/delta.ts'
import { gather } from '../../src/adapter/encodings/encoding.ts'
import { bytesOf } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { loadModel } from '../../src/model/folder/load.ts'
import { thresholdOf } from '../../src/privacy/masked/cohort.ts'
import { encodeFixed, fixedPoint, meanOfSum } from '../../src/privacy/masked/fixed-point.ts'
import { addWords } from '../../src/privacy/masked/mask.ts'
import { readBlobFile } from '../../src/store/blob-files.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { Ledger, TaskView } from '../../src/types/ledger.ts'
import type { MaskedPrivacy } from '../../src/types/spec.ts'
import { encodeSpec, specDigest } from '../../src/wire/spec.ts'
import { coveyAfter } from '../support/finished-run.ts'
import { type CliRun, runCli } from '../support/run-cli.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const MEMBERS = 4
const ROUNDS = 2
const OPTIONS =
  `--nodes 5 --proposers ${MEMBERS} --voters 1 --rounds ${ROUNDS} --masked --cohort ${MEMBERS} --crash 1 --steps 3 --batch 8 --slice 12 ` +
  '--rank 4 --phase-seconds 60 --no-compare'
/** On a machine so busy that a node joins late, the first round has fewer seats, and hides nobody without the killed one: then another run. */
const SEEDS = [5, 6, 7]
/** Values that stand one behind the other: so many bytes are in a file by chance never. */
const WINDOW = 4

/** Records whose label can be learnt. */
function records(): string {
  const lines = Array.from({ length: 240 }, (_, i) =>
    JSON.stringify({ text: `ask ${i % 7} ${i}`, intent: `${'abcde'[i % 5]}${i % 3}`, domain: `d${i % 5}` }),
  )
  return `${lines.join('\n')}\n`
}

/** One proposer's delta of round 1, as nobody has ever seen it. */
interface Plain {
  readonly node: string
  /** (trained values) */
  readonly values: Float32Array
  readonly words: Uint32Array
  /** what it would be called if it had been published */
  readonly digest: string
}

describe('quickstart --masked', () => {
  let home: string
  let dir: string
  let model: string
  let run: CliRun
  let result: QuickstartResult
  let plain: readonly Plain[]

  before(async function () {
    this.timeout(900_000)
    home = await mkdtemp(join(tmpdir(), 'covey-masked-'))
    const data = join(home, 'data.jsonl')
    await writeFile(data, records())
    model = await writeTinyModel(join(home, 'model'))
    for (const seed of SEEDS) {
      dir = join(home, `run-${seed}`)
      run = await runCli([
        ...['quickstart', '--json', '--dir', dir, '--model', model, '--data', data, '--partition-by', 'domain'],
        ...['--prompt', 'T {text}\\nI', '--completion', ' {intent}', '--seed', String(seed), ...OPTIONS.split(' ')],
      ])
      if (run.code !== 0) return
      result = JSON.parse(run.stdout) as QuickstartResult
      if ((result.rounds[0]?.included.length ?? 0) >= thresholdOf(MEMBERS)) break
    }
    plain = await trainAgain()
  })

  after(async function () {
    const failed = this.test?.parent?.tests.some((t) => t.state !== 'passed')
    // what the processes said is wanted then
    if (failed) console.error(`    the logs are kept: ${join(dir, 'logs')}`)
    else await rm(home, { recursive: true, force: true })
  })

  /** What the proposers of round 1 trained, each from its own file, by the node's own duty; a killed one trained it twice. */
  async function trainAgain(): Promise<readonly Plain[]> {
    const [base, tokenizer] = await Promise.all([loadModel(model), loadTokenizer(model)])
    const { spec } = await readTaskFile(join(dir, 'coordinator', 'task.json'))
    const engine = createOnnxEngine()
    const found: Plain[] = []
    for (const account of Object.keys(result.rounds[0]?.outcomes ?? {})) {
      const node = result.rewards.find((r) => r.account === account)?.node as string
      const store = createMemoryStore()
      await store.blobs.put(encodeSpec(spec))
      const task = { id: result.task.id, params: { specDigest: specDigest(spec) } } as TaskView
      const ledger = { account } as Ledger
      const parts = { clock: systemClock, store, ledger, transport: noNetwork(), training: engine, inference: engine }
      const rest = { tokenizer, model: base, emit: () => undefined, randomBytes: (n: number) => new Uint8Array(n) }
      const ctx = {
        ...(await auditContext({ ...parts, ...rest }, task, 1)),
        masked: null,
        data: await loadPrivateData(
          { file: join(dir, node, 'private.jsonl'), prompt: null, completion: null },
          spec,
          tokenizer,
        ),
      }
      await startLine(ctx)
      const { digest } = await trainDelta(ctx, 1, ROUNDS, new AbortController().signal)
      await ctx.workbench.close()
      const factors = ctx.aggregator.trainedFactors(1)
      const delta = decodeDelta(await store.blobs.get(digest, 2 ** 24), ctx.layout, { encoding: 'f32', factors })
      const values = gather(ctx.layout, factors, delta.values)
      const { range } = spec.privacy as MaskedPrivacy
      found.push({ node, values, words: encodeFixed(values, fixedPoint(MEMBERS, range)), digest })
      layout = { of: ctx.layout, factors, range }
    }
    return found
  }
  let layout: {
    readonly of: Parameters<typeof decodeAdapter>[1]
    readonly factors: Parameters<typeof gather>[1]
    readonly range: number
  }

  const adapter = async (digest: string): Promise<Float32Array> => {
    const bytes = await readBlobFile(nodeFiles.store(join(dir, 'node-0')), digest)
    return gather(layout.of, layout.factors, decodeAdapter(bytes, layout.of).values)
  }

  it('ends well though a member was killed in the middle of a round', () => {
    expect(run.code, run.stderr.slice(-2000)).to.equal(0)
    expect(result.crashes.map(({ role, round }) => ({ role, round }))).to.deep.equal([{ role: 'proposer', round: 1 }])
    expect(result.rounds.map((r) => r.round)).to.deep.equal([1, 2])
  })

  it('each cohort is summed, two thirds and more of it, or stays shut and counts for nothing', () => {
    for (const { round, cohorts = [null], included, outcomes, medians } of result.rounds) {
      const summed = cohorts[0]?.summed ?? 0
      expect(included, `round ${round}`).to.have.length(summed)
      if (summed > 0) expect(summed).to.be.at.least(thresholdOf(MEMBERS))
      expect(new Set(included.map((account) => medians[account])).size, 'one mark for all').to.be.at.most(1)
      for (const outcome of Object.values(outcomes)) expect(outcome).to.be.oneOf(['included', 'silent', 'vetoed'])
    }
    expect(
      result.rounds.some((r) => r.included.length > 0),
      'a sum was opened',
    ).to.equal(true)
    for (const reward of result.rewards) expect(reward.slashed, reward.node).to.equal('0')
  })

  it('all nodes hold the same global adapter, the killed one too', () => {
    expect(result.agreement.globalDigests).to.have.length(5)
    expect(new Set(result.agreement.globalDigests).size).to.equal(1)
  })

  it('the first sum is that of the members’ own deltas, to the bit', async () => {
    const [first] = result.rounds
    const names = (first?.included ?? []).map((account) => result.rewards.find((r) => r.account === account)?.node)
    const members = plain.filter(({ node }) => names.includes(node))
    expect(members.length).to.be.at.least(thresholdOf(MEMBERS))
    const sum = new Uint32Array(members[0]?.words.length ?? 0)
    for (const { words } of members) addWords(sum, words)
    const mean = meanOfSum(sum, members.length, fixedPoint(MEMBERS, layout.range))
    // B begins at zero, so global(1) is the mean itself
    expect(await adapter(first?.globalDigest as string)).to.deep.equal(mean)
  })

  it('no member’s delta is on any disk, in no blob, no chain state and no log', async () => {
    const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((f) => f.isFile())
    const texts = await Promise.all(
      files.map(async (f) => ({ path: join(f.parentPath, f.name), bytes: await readFile(join(f.parentPath, f.name)) })),
    )
    const holding = (needle: Uint8Array): string[] =>
      texts
        .filter(({ bytes }) => bytes.includes(Buffer.from(needle.buffer, needle.byteOffset, needle.byteLength)))
        .map(({ path }) => path)
    // the search can find: what is meant to be seen is there
    const first = (await adapter(result.rounds[0]?.globalDigest as string)).slice(0, 1_000)
    expect(holding(bytesOf(windowOf(first) as Float32Array)).length).to.be.above(0)
    for (const { node, values, words, digest } of plain) {
      for (const form of [values, words]) {
        const needle = windowOf(form)
        expect(needle, `${node} has learnt something`).to.not.equal(null)
        expect(holding(bytesOf(needle as typeof form)), `delta of ${node}`).to.deep.equal([])
      }
      // its name alone would let others try guesses
      expect(holding(Buffer.from(digest)), `digest of ${node}`).to.deep.equal([])
      expect(holding(Buffer.from(digest, 'hex')), `digest of ${node}`).to.deep.equal([])
    }
  })

  it('is audited by cohort', async function () {
    this.timeout(60_000)
    const args = ['--dir', join(dir, 'node-0'), '--blobs', join(dir, 'coordinator'), '--model', model, '--threads', '1']
    const { result: audit, stdout } = await coveyAfter(dir, ['task', 'audit', '1', ...args])
    const { by, rounds, leftOut, accounts, differing } = audit as unknown as TaskAudit
    expect(by).to.equal('cohort')
    expect(differing).to.deep.equal([])
    expect(rounds.length + leftOut.length).to.equal(ROUNDS)
    for (const { round, shares, gain } of rounds) {
      const own = result.rounds[round - 1]?.included
      expect(shares.flatMap((s) => s.accounts)).to.have.members(own as string[])
      expect(shares.reduce((sum, s) => sum + s.value, 0)).to.be.closeTo(gain, 1e-9)
    }
    expect(accounts.length).to.be.at.least(MEMBERS)
    expect(stdout).to.contain('This task is masked')
  })
})

/** Values in a row none of which is 0 or like another; null where there are none. */
function windowOf<T extends Float32Array | Uint32Array>(values: T): T | null {
  for (let at = 0; at + WINDOW <= values.length; at++) {
    const window = values.slice(at, at + WINDOW) as T
    if (new Set(window).size === WINDOW && !window.includes(0)) return window
  }
  return null
}
