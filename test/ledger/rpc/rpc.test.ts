import { expect } from 'chai'
import { isCoveyError } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { Rpc } from '../../../src/ledger/rpc/rpc.ts'
import { parseRpcUrls, shownUrl } from '../../../src/ledger/rpc/urls.ts'
import { type BadRpc, type Fault, startBadRpc } from '../../support/bad-chain/bad-rpc.ts'
import { jumpClock } from '../../support/bad-chain/clocks.ts'
import { LOG_ADDRESS, SmallChain } from '../../support/bad-chain/small-chain.ts'

const CHAIN_ID = 7

describe('RPC', () => {
  const opened: { close(): unknown }[] = []
  const server = async (chain = new SmallChain(CHAIN_ID)): Promise<BadRpc> => {
    const rpc = await startBadRpc(chain, seededRandom('rpc'))
    opened.push(rpc)
    return rpc
  }
  const client = (...servers: readonly Pick<BadRpc, 'url'>[]) => {
    const clock = jumpClock()
    const url = servers.map((s) => s.url).join(',')
    const rpc = new Rpc({ url, chainId: CHAIN_ID, clock, random: () => 0.5, patience_ms: 60_000 })
    opened.push(rpc)
    return { rpc, clock }
  }
  const first =
    (fault: Fault, count: number) =>
    (request: number): Fault | null =>
      request < count ? fault : null
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close()
  })
  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => null,
      (e: unknown) => e,
    )
    return isCoveyError(error) ? error.code : String(error)
  }

  it('waits as long as Retry-After says, in seconds, and no less', async () => {
    const bad = await server()
    bad.fault = first('limit', 1)
    bad.retryAfter = '7'
    const { rpc, clock } = client(bad)
    expect((await rpc.block('latest'))?.number).to.equal(0)
    expect(clock.slept).to.deep.equal([7000])
  })

  it('reads a date in Retry-After, too', async () => {
    const bad = await server()
    const { rpc, clock } = client(bad)
    bad.fault = first('limit', 1)
    bad.retryAfter = new Date(clock.now() + 9_000).toUTCString()
    await rpc.block('latest')
    expect(clock.slept).to.deep.equal([9000])
  })

  it('says how long it is shut out when that is longer than its patience', async () => {
    const bad = await server()
    bad.fault = () => 'limit'
    bad.retryAfter = '600'
    const error = await client(bad)
      .rpc.block('latest')
      .catch((e: unknown) => e)
    expect(isCoveyError(error, 'E_RPC')).to.equal(true)
    expect(String(error)).to.match(/come back in 600 s/)
  })

  it('waits longer and longer for one that is down or over its limit, with jitter', async () => {
    for (const fault of ['drop', 'limit-calls', 'nonsense', 'gateway'] as const) {
      const bad = await server()
      bad.fault = first(fault, 4)
      const { rpc, clock } = client(bad)
      await rpc.block('latest')
      const [a, b, c, d] = clock.slept as readonly [number, number, number, number]
      expect(clock.slept, fault).to.have.length(4)
      expect(a < b && b < c && c < d, `${fault}: ${clock.slept}`).to.equal(true)
    }
  })

  it('two clients with other luck do not come back at the same time', async () => {
    const bad = await server()
    const slept = await Promise.all(
      [0, 0.9].map(async (luck) => {
        const clock = jumpClock()
        const options = { url: bad.url, chainId: CHAIN_ID, clock, random: () => luck, patience_ms: 1_000 }
        const rpc = new Rpc(options)
        opened.push(rpc)
        bad.fault = () => 'drop'
        await rpc.block('latest').catch(() => {})
        return clock.slept[0]
      }),
    )
    expect(slept[0]).to.be.lessThan(slept[1] as number)
  })

  it('asks the next one at once when the first fails, and goes back to the first when it is well', async () => {
    const chain = new SmallChain(CHAIN_ID)
    const [a, b] = [await server(chain), await server(chain)]
    const { rpc, clock } = client(a, b)
    a.fault = () => 'drop'
    await rpc.block('latest')
    expect(clock.slept).to.deep.equal([])
    const asked = b.requests
    a.fault = () => null
    await clock.sleep(60_000)
    await rpc.block('latest')
    expect(b.requests).to.equal(asked)
  })

  it('asks others while one limits', async () => {
    const chain = new SmallChain(CHAIN_ID)
    const [a, b] = [await server(chain), await server(chain)]
    a.fault = () => 'limit'
    a.retryAfter = '30'
    const { rpc, clock } = client(a, b)
    for (let i = 0; i < 5; i++) await rpc.block('latest')
    expect(clock.slept).to.deep.equal([])
    expect(a.requests).to.equal(1)
  })

  it('refuses one on another chain, and fails only when all are', async () => {
    const [wrong, right] = [await server(new SmallChain(8)), await server()]
    expect((await client(wrong, right).rpc.block('latest'))?.number).to.equal(0)
    expect(await codeOf(client(wrong).rpc.block('latest'))).to.equal('E_CHAIN_ID')
    expect(await codeOf(client(wrong, wrong).rpc.checkChain())).to.equal('E_CHAIN_ID')
  })

  it('checks the chain again after an outage: what comes back may be another one', async () => {
    const [a, b] = [await server(), await server(new SmallChain(8))]
    let target = a.url
    const { createServer } = await import('node:http')
    const front = createServer(async (request, response) => {
      const { text } = await import('node:stream/consumers')
      if (target === '') return void response.destroy()
      response.end(await (await fetch(target, { method: 'POST', body: await text(request) })).text())
    })
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    opened.push(front)
    const address = front.address()
    const { rpc } = client({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` })
    await rpc.block('latest')
    target = ''
    const during = rpc.block('latest')
    setTimeout(() => {
      target = b.url
    }, 20)
    expect(await codeOf(during)).to.be.oneOf(['E_CHAIN_ID', 'E_RPC'])
    expect(await codeOf(rpc.block('latest'))).to.equal('E_CHAIN_ID')
  })

  it('leaves one whose head stands still while others go on', async () => {
    const chain = new SmallChain(CHAIN_ID)
    for (let i = 0; i < 10; i++) chain.mine()
    const [a, b] = [await server(chain), await server(chain)]
    const { rpc, clock } = client(a, b)
    expect((await rpc.block('latest'))?.number).to.equal(10)
    for (let i = 0; i < 10; i++) chain.mine()
    a.lag = 10
    let seen = 10
    for (let i = 0; i < 200 && seen === 10; i++) {
      await clock.sleep(2_000)
      seen = (await rpc.block('latest'))?.number ?? 0
    }
    expect(seen).to.equal(20)
  })

  it('stays with one that lags when the other is down', async () => {
    const chain = new SmallChain(CHAIN_ID)
    for (let i = 0; i < 10; i++) chain.mine()
    const [a, b] = [await server(chain), await server(chain)]
    a.fault = first('drop', 1)
    const { rpc } = client(a, b)
    expect((await rpc.block('latest'))?.number).to.equal(10)
    b.fault = () => 'drop'
    a.lag = 8
    expect((await rpc.block('latest'))?.number).to.equal(2)
  })

  it('tells a range that is too wide from a limit', async () => {
    const chain = new SmallChain(CHAIN_ID)
    for (let i = 0; i < 10; i++) chain.mine()
    const bad = await server(chain)
    bad.range = 4
    const { rpc } = client(bad)
    const error = await rpc.logs([LOG_ADDRESS], 0, 9).catch((e: unknown) => e)
    expect(isCoveyError(error, 'E_RPC') && error.data.tooWide).to.equal(true)
    expect(await rpc.logs([LOG_ADDRESS], 0, 3)).to.deep.equal([])
  })

  it('takes one address or several, and shows none of their keys', () => {
    expect(parseRpcUrls('http://a:1, https://b/key')).to.deep.equal(['http://a:1', 'https://b/key'])
    expect(parseRpcUrls('http://a,http://a')).to.deep.equal(['http://a'])
    for (const bad of [
      '',
      ',',
      'ws://a',
      'http://a,b',
      Array(9)
        .fill(0)
        .map((_, i) => `http://a${i}`)
        .join(),
    ])
      expect(() => parseRpcUrls(bad), bad)
        .to.throw()
        .with.property('code', 'E_CONFIG')
    expect(shownUrl('https://user:pw@rpc.example/v3/KEY?x=1')).to.equal('https://rpc.example/…')
  })
})
