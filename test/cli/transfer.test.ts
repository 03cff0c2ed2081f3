import { PassThrough } from 'node:stream'
import { expect } from 'chai'
import { byteSize } from '../../cli/common.ts'
import { loadConfig } from '../../cli/config.ts'
import { confirm } from '../../cli/confirm.ts'
import { endpointOf, libraryFolders, resolveModel } from '../../cli/library.ts'
import { Transfer } from '../../cli/transfer.ts'
import { expectRejects } from '../support/expect-error.ts'

describe('how a transfer goes', () => {
  it('counts what was there as done, and only what comes as speed', () => {
    let now = 0
    const transfer = new Transfer(() => now)
    expect(transfer.state()).to.deep.equal({ bytes: 0, totalBytes: 0, bytesPerSecond: 0, secondsLeft: null })
    // half of it was there before
    transfer.add({ done: 500_000, total: 1_000_000, fresh: 0 })
    now = 1000
    expect(transfer.add({ done: 600_000, total: 1_000_000, fresh: 100_000 })).to.equal(true)
    expect(transfer.state()).to.deep.equal({
      bytes: 600_000,
      totalBytes: 1_000_000,
      bytesPerSecond: 100_000,
      secondsLeft: 4,
    })
    expect(transfer.line()).to.equal('[##############··········]  60 %  600.0 kB of 1.0 MB  100.0 kB/s  4.0 s left')
  })

  it('has a line now and then, not for every chunk', () => {
    let now = 0
    const transfer = new Transfer(() => now)
    const shown: number[] = []
    for (; now <= 1000; now += 10) if (transfer.add({ done: now, total: 1000, fresh: now })) shown.push(now)
    expect(shown).to.deep.equal([250, 500, 750, 1000])
  })

  it('forgets how fast it once was', () => {
    let now = 0
    const transfer = new Transfer(() => now)
    let fresh = 0
    for (now = 250; now <= 60_000; now += 250) {
      fresh += now <= 20_000 ? 1_000_000 : 250
      transfer.add({ done: fresh, total: 100_000_000, fresh })
    }
    now = 60_000
    expect(transfer.state().bytesPerSecond).to.be.closeTo(1000, 50)
  })

  const sizes: [bytes: number, text: string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [1_000_000, '1.0 MB'],
    [269_060_552, '269.1 MB'],
    [5e9, '5.0 GB'],
    [2e12, '2000.0 GB'],
  ]
  for (const [bytes, text] of sizes)
    it(`writes ${bytes} bytes as ${text}`, () => expect(byteSize(bytes)).to.equal(text))
})

describe('confirm', () => {
  const ask = (answer: string, signal = new AbortController().signal): Promise<boolean> => {
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const asked = confirm('Remove it?', signal, { input, output: new PassThrough() })
    input.write(answer)
    return asked
  }

  for (const [answer, yes] of [
    ['y\n', true],
    ['YES\n', true],
    [' y \n', true],
    ['\n', false],
    ['n\n', false],
    ['yesterday\n', false],
  ] as const) {
    it(`takes ${JSON.stringify(answer)} for ${yes ? 'yes' : 'no'}`, async () => expect(await ask(answer)).to.equal(yes))
  }

  it('asks nobody where nobody is, and can be stopped', async () => {
    const { signal } = new AbortController()
    const terminal = { input: new PassThrough(), output: new PassThrough() }
    await expectRejects(() => confirm('Remove it?', signal, terminal), 'E_ARGUMENT', /Remove it\? .*--yes/)
    await expectRejects(() => ask('', AbortSignal.abort()), 'E_ABORTED')
  })
})

describe('where models come from and where they are', () => {
  const config = (env: Record<string, string>, flags: Record<string, unknown> = {}) =>
    loadConfig({ dir: '/nowhere', env, flags })

  it('is the hub that was said last', () => {
    expect(endpointOf(config({}), {})).to.equal('https://huggingface.co')
    expect(endpointOf(config({}), { HF_ENDPOINT: 'https://mirror.example/' })).to.equal('https://mirror.example')
    expect(endpointOf(config({}), { HF_ENDPOINT: '' })).to.equal('https://huggingface.co')
    expect(
      endpointOf(config({ COVEY_ENDPOINT: 'https://ours.example' }), { HF_ENDPOINT: 'https://mirror.example' }),
    ).to.equal('https://ours.example')
    expect(
      endpointOf(config({}, { endpoint: 'https://flag.example/hf' }), { HF_ENDPOINT: 'https://mirror.example' }),
    ).to.equal('https://flag.example/hf')
  })

  it('is one folder when it was said, else the data directory’s and the common one', () => {
    expect(libraryFolders(config({ COVEY_MODELS: '/m' }))).to.deep.equal(['/m'])
    const [own, common] = libraryFolders(config({}))
    expect(own).to.equal('/nowhere/models')
    expect(common).to.match(/\.covey\/models$/)
  })

  it('leaves to the one who opens it to say that there is none', () => {
    for (const model of ['no/such', '/no/such', '.', '../x', ''])
      expect(resolveModel(model, ['/nowhere'])).to.equal(model)
  })
})
