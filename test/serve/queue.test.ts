import { expect } from 'chai'
import { isCoveyError } from '../../src/base/errors.ts'
import { RequestQueue } from '../../src/serve/queue.ts'

const codeOf = (p: Promise<unknown>): Promise<string> =>
  p.then(
    () => 'resolved',
    (e: unknown) => (isCoveyError(e) ? e.code : String(e)),
  )

describe('RequestQueue', () => {
  const never = new AbortController().signal

  it('lets the next one in when one leaves, in order', async () => {
    const q = new RequestQueue(1, 2)
    const order: string[] = []
    const leave = await q.enter(never)
    const b = q.enter(never)
    b.then(() => order.push('b'))
    const c = q.enter(never)
    c.then(() => order.push('c'))
    expect(q.length).to.equal(3)
    leave()
    leave()
    const leaveB = await b
    expect(order).to.deep.equal(['b'])
    leaveB()
    ;(await c)()
    expect(q.length).to.equal(0)
  })

  it('refuses with E_BUSY when the line is full', async () => {
    const q = new RequestQueue(1, 0)
    const leave = await q.enter(never)
    expect(await codeOf(q.enter(never))).to.equal('E_BUSY')
    leave()
    expect(await codeOf(q.enter(never))).to.equal('resolved')
  })

  it('forgets who gives up', async () => {
    const q = new RequestQueue(1, 1)
    const leave = await q.enter(never)
    const abort = new AbortController()
    const waiting = codeOf(q.enter(abort.signal))
    abort.abort()
    expect(await waiting).to.equal('E_ABORTED')
    expect(await codeOf(q.enter(abort.signal))).to.equal('E_ABORTED')
    leave()
    expect(q.length).to.equal(0)
  })
})
