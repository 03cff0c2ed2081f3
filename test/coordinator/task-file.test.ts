import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { readTaskFile } from '../../coordinator/task-file.ts'
import { encodeSlice, probeFromBytes } from '../../src/data/slices.ts'
import { expectRejects } from '../support/expect-error.ts'
import { toyExamples, toySpec, toyTerms } from '../support/simulation.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const terms = toyTerms({ rounds: 2 })
const slices = [1, 2].map((r) => encodeSlice(toyExamples(`slice ${r}`, 3)))

describe('task file', () => {
  const folder = useTempFolders()

  async function write(
    change: { spec?: unknown; terms?: object; probe?: unknown; more?: object } = {},
  ): Promise<string> {
    const dir = await folder()
    await mkdir(join(dir, 'probe'))
    for (const [i, bytes] of slices.entries()) await writeFile(join(dir, 'probe', `0000${i + 1}.jsonl`), bytes)
    const json = {
      spec: change.spec ?? toySpec(),
      terms: { ...terms, pool: String(terms.pool), minStake: String(terms.minStake), ...change.terms },
      probe: change.probe === undefined ? 'probe' : change.probe,
      ...change.more,
    }
    await writeFile(join(dir, 'task.json'), JSON.stringify(json))
    return join(dir, 'task.json')
  }

  it('is a plan: spec, terms in wei, a slice a round from the folder beside it', async () => {
    const plan = await readTaskFile(await write())
    expect(plan.spec).to.deep.equal(toySpec())
    expect(plan.terms).to.deep.equal(terms)
    expect(plan.probe?.root).to.equal(probeFromBytes(slices).root)
    expect(plan.probe?.slice(2)?.bytes).to.deep.equal(slices[1])
    expect((await readTaskFile(await write({ probe: null }))).probe).to.equal(null)
  })

  it('takes slices in any spelling and publishes the canonical one', async () => {
    const file = await write()
    const lines = toyExamples('slice 1', 3).map(
      ({ prompt, completion }) => `  {"prompt":"${prompt}",  "completion": "${completion}"}`,
    )
    await writeFile(join(file, '..', 'probe', '00001.jsonl'), `${lines.join('\n\n')}`)
    expect((await readTaskFile(file)).probe?.root).to.equal(probeFromBytes(slices).root)
  })

  it('refuses slices that could not be scored', async () => {
    const file = await write()
    const slice = join(file, '..', 'probe', '00002.jsonl')
    await writeFile(slice, '{"prompt": "a", "completion": "b"}\n{"prompt": "a", "completion": ""}\n')
    await expectRejects(() => readTaskFile(file), 'E_CONFIG', /00002\.jsonl: line 2: expected/)
    await writeFile(slice, '{"prompt": "a", "completion": "b"}\n{"prompt"')
    await expectRejects(() => readTaskFile(file), 'E_DATA_FORMAT', /line 2: not JSON/)
    await writeFile(slice, '')
    await expectRejects(() => readTaskFile(file), 'E_DATA_EMPTY')
  })

  it('refuses what is none, and says where', async () => {
    await expectRejects(() => readTaskFile('/nowhere/task.json'), 'E_CONFIG', /nowhere/)
    await expectRejects(
      async () => readTaskFile(await write({ terms: { pool: '1.5' } })),
      'E_CONFIG',
      /terms\.pool: expected an amount such as "100 COVEY", or whole wei/,
    )
    await expectRejects(async () => readTaskFile(await write({ terms: { pool: 5 } })), 'E_CONFIG', /terms\.pool/)
    await expectRejects(async () => readTaskFile(await write({ terms: { rounds: 0 } })), 'E_CONFIG', /terms\.rounds/)
    await expectRejects(
      async () => readTaskFile(await write({ terms: { rules: { ...terms.rules, slashBps: 10_001 } } })),
      'E_CONFIG',
      /slashBps/,
    )
    await expectRejects(async () => readTaskFile(await write({ more: { extra: 1 } })), 'E_CONFIG', /extra/)
    await expectRejects(
      async () => readTaskFile(await write({ spec: { ...toySpec(), encoding: 'zip' } })),
      'E_SPEC',
      /encoding/,
    )
    await expectRejects(
      async () => readTaskFile(await write({ terms: { rounds: 3 } })),
      'E_CONFIG',
      /one \.jsonl a round, that is 3, got 2/,
    )
    await expectRejects(async () => readTaskFile(await write({ probe: 'elsewhere' })), 'E_CONFIG', /elsewhere/)
  })
})
