import { expect } from 'chai'
import { sentenceOf } from '../../../../cli/cmds/task-watch/sentence.ts'
import { storyFrom } from '../../../../cli/cmds/task-watch/story.ts'
import type { LedgerEvent } from '../../../../src/ledger/abi/events.ts'

const event = (name: string, round: number | null, block: number, task = 1): LedgerEvent =>
  ({
    name,
    task,
    block,
    args: { id: BigInt(task), ...(round === null ? {} : { round: BigInt(round) }) },
  }) as LedgerEvent

describe('the story of a task', () => {
  it('begins with the open round, tells nothing twice, and takes back what the chain takes back', () => {
    const story = storyFrom(1, 2)
    const told = [
      event('TaskCreated', null, 1),
      event('RoundStarted', 1, 2),
      event('RoundStarted', 2, 3),
      event('Joined', null, 4),
      event('Committed', 2, 5, 7),
      event('Committed', 2, 5),
      event('Committed', 2, 5),
    ].map((e) => story.tells(e))
    expect(told).to.deep.equal([false, false, true, true, false, true, false])
    expect(story.takesBack(event('Committed', 2, 5))).to.equal(true)
    expect(story.takesBack(event('Committed', 2, 5))).to.equal(false)
    expect(story.tells(event('Committed', 2, 6))).to.equal(true)
    expect(storyFrom(1, 0).tells(event('TaskCreated', null, 1))).to.equal(true)
  })

  it('says amounts as they were asked for, and nothing of what it does not know', () => {
    const paid = { ...event('Rewarded', 3, 9), args: { id: 1n, round: 3n, account: '0xab', amount: 5n } }
    expect(sentenceOf(paid, (wei) => `${wei} wei`)).to.equal('round 3: 0xab earned 5 wei')
    expect(sentenceOf(event('Unheard', null, 1), String)).to.equal(null)
  })
})
