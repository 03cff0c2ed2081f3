import { Writable } from 'node:stream'
import { expect } from 'chai'
import { History } from '../../../../cli/cmds/quickstart/history.ts'
import { Screen } from '../../../../cli/cmds/quickstart/screen.ts'
import { expectRejects } from '../../../support/expect-error.ts'

describe("quickstart's history", () => {
  const history = (): History => {
    const out = new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as NodeJS.WriteStream
    return new History(new Screen({ out, live: false, rounds: 1 }))
  }
  const serving = (url: string) => ({ event: 'serving', url })

  it('gives what was said before the question, and what is said after it', async () => {
    const h = history()
    h.add('node-0', serving('http://a'))
    expect(await h.wait('node-0', 'serving', 10)).to.include({ url: 'http://a' })
    const later = h.wait('node-1', 'serving', 1_000)
    h.add('node-1', serving('http://b'))
    expect(await later).to.include({ url: 'http://b' })
    await expectRejects(() => h.wait('node-2', 'serving', 10), 'E_TIMEOUT', /node-2/)
  })

  it('a killed node is waited for anew: where it served nobody answers any more', async () => {
    const h = history()
    h.add('node-1', serving('http://other'))
    h.add('node-10', serving('http://other'))
    h.add('node-1', serving('http://old'))
    h.forget('node-1')
    const next = h.wait('node-1', 'serving', 1_000)
    h.add('node-1', serving('http://new'))
    expect(await next).to.include({ url: 'http://new' })
    expect(await h.wait('node-10', 'serving', 10)).to.include({ url: 'http://other' })
  })
})
