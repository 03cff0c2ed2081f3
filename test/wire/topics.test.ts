import { expect } from 'chai'
import { announcementTopic } from '../../src/wire/topics.ts'

describe('topics', () => {
  it('differ by chain and task', () => {
    const all = [announcementTopic(31337, 1), announcementTopic(31337n, 2), announcementTopic(1, 1)]
    expect(new Set(all).size).to.equal(3)
    expect(announcementTopic(31337n, 1)).to.equal('/covey/1/31337/1/announcements')
  })

  it('are refused for a task that is none', () => {
    for (const task of [-1, 1.5, Number.NaN])
      expect(() => announcementTopic(1, task))
        .to.throw()
        .with.property('code', 'E_ARGUMENT')
    expect(() => announcementTopic(0, 1))
      .to.throw()
      .with.property('code', 'E_ARGUMENT')
  })
})
