import { expect } from 'chai'
import { guideTask } from '../../../../cli/cmds/task-create/guide.ts'
import { messageOf } from '../../../../src/base/errors.ts'
import { loadModel } from '../../../../src/model/folder/load.ts'
import { parseSpec } from '../../../../src/wire/spec.ts'
import { useTempFolders } from '../../../support/temp-folder.ts'
import { writeTinyModel } from '../../../support/tiny-folder.ts'

describe('the guide to a task file', () => {
  const tempFolder = useTempFolders()

  it('asks again until an answer will do, and makes a spec that everybody accepts', async () => {
    const model = await loadModel(await writeTinyModel(await tempFolder()))
    const refused: string[] = []
    const given: Record<string, string[]> = {
      'What the task is called': ['a/b', 'bank calls'],
      Rounds: ['0', 'many', '5'],
      'Reward pool, for all rounds': ['-1', '0', '12 ETH', '12.5'],
      'Proposers a round': ['33', '4'],
      'Least own stake of a node': ['10 wei'],
    }
    const file = await guideTask(model, async (question, fallback, parse) => {
      for (;;) {
        const answer = given[question]?.shift() ?? fallback
        try {
          return parse(answer)
        } catch (error) {
          refused.push(answer)
          expect(messageOf(error)).to.contain('expected')
        }
      }
    })
    expect(refused).to.deep.equal(['a/b', '0', 'many', '-1', '0', '12 ETH', '33'])
    const terms = file.terms as { pool: string; minStake: string; rounds: number; seconds: { train: number } }
    expect(terms).to.include({ pool: '12.5 COVEY', minStake: '0.00000000000000001 COVEY', rounds: 5 })
    expect(terms.seconds.train).to.equal(30 * 60)
    const spec = parseSpec(file.spec)
    expect([spec.name, spec.model.digest]).to.deep.equal(['bank calls', model.digest])
  })
})
