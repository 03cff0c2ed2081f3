import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { readArenaFile } from '../../coordinator/arena-file.ts'
import { encodeSlice, probeFromBytes } from '../../src/data/slices.ts'
import { arenaSpecDigest, parseArenaSpec } from '../../src/wire/arena-spec.ts'
import { expectRejects } from '../support/expect-error.ts'
import { toyExamples } from '../support/simulation.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const spec = {
  version: 1,
  kind: 'arena',
  name: 'labels',
  model: { name: 'toy', digest: 'ab'.repeat(32) },
  maxTokens: 32,
  data: { prompt: '{text}:', completion: '{label}' },
}
const terms = {
  pool: '300 COVEY',
  minStake: '50.5 COVEY',
  epochs: 2,
  entrants: 3,
  validators: 2,
  endsAt: 2_000_000_000,
  seconds: { submit: 60, slice: 60, reveal: 60, score: 60, tally: 60 },
  rules: {
    gammaBps: 2000,
    ratioBps: 5000,
    alpha: 'root',
    floor: 0,
    tolerance: 10,
    slashBps: 1000,
    faultBps: 100,
    keeperBps: 50,
  },
}
const slices = [1, 2].map((r) => encodeSlice(toyExamples(`slice ${r}`, 3)))

describe('arena file', () => {
  const folder = useTempFolders()

  async function write(change: object = {}, more: object = {}): Promise<string> {
    const dir = await folder()
    await mkdir(join(dir, 'probe'))
    for (const [i, bytes] of slices.entries()) await writeFile(join(dir, 'probe', `0000${i + 1}.jsonl`), bytes)
    const file = join(dir, 'arena.json')
    await writeFile(file, JSON.stringify({ spec, terms: { ...terms, ...change }, probe: './probe', ...more }))
    return file
  }

  it('is an arena: amounts in tokens or wei, digests of spec and model, a slice an epoch from the folder beside it', async () => {
    const { params, probe, spec: read } = await readArenaFile(await write())
    expect(read).to.deep.equal(parseArenaSpec(spec))
    expect(params.pool).to.equal(300n * 10n ** 18n)
    expect(params.minStake).to.equal(505n * 10n ** 17n)
    expect(params.specDigest).to.equal(arenaSpecDigest(read))
    expect(params.baseDigest).to.equal(spec.model.digest)
    expect(params.probeRoot).to.equal(probeFromBytes(slices).root)
    expect(params.rules).to.deep.equal(terms.rules)
    expect(probe.slice(2)?.bytes).to.deep.equal(slices[1])
    expect((await readArenaFile(await write({ pool: '17' }))).params.pool).to.equal(17n)
  })

  it('refuses what is none, and says where', async () => {
    const refuses = async (file: Promise<string>, says: RegExp): Promise<void> => {
      const path = await file
      await expectRejects(() => readArenaFile(path), 'E_CONFIG', says)
    }
    await refuses(write({ pool: 300 }), /terms\.pool/)
    await refuses(write({ pool: '300 EUR' }), /terms\.pool: expected an amount such as "100 COVEY"/)
    await refuses(write({ epochs: 3 }), /one \.jsonl a round, that is 3, got 2/)
    await refuses(write({ rules: { ...terms.rules, alpha: 'half' } }), /terms\.rules\.alpha/)
    await refuses(write({ rules: { ...terms.rules, gammaBps: 10_001 } }), /gammaBps/)
    await refuses(write({}, { extra: 1 }), /extra/)
    const noArena = await write({}, { spec: { ...spec, kind: 'alliance' } })
    await expectRejects(() => readArenaFile(noArena), 'E_SPEC', /kind/)
    await expectRejects(() => readArenaFile('/nowhere/arena.json'), 'E_CONFIG', /nowhere/)
  })
})
