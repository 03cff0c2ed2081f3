import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { nodeFiles } from '../../node/settings.ts'
import { generatePeerKey, loadPeerKey, peerIdOf, savePeerKey } from '../../src/transport/peer-key.ts'
import { type CliWorld, PASSWORD, startCliWorld } from '../support/cli-world.ts'
import { expectRejects } from '../support/expect-error.ts'

describe('covey registry', function () {
  this.timeout(60_000)
  let world: CliWorld<'operator' | 'holder'>
  const covey: typeof world.covey = (home, line) => world.covey(home, line)

  before(async () => {
    world = await startCliWorld(['operator', 'holder'], 10_000)
  })
  after(() => world.remove())

  const keyOf = (home: string): string => nodeFiles.peerKey(join(world.dir, home))

  it('says who operates a node, moves it to a new key, and lets it go', async () => {
    const { operator } = world.accounts
    await savePeerKey(keyOf('operator'), await generatePeerKey(), PASSWORD)
    const first = peerIdOf(await loadPeerKey(keyOf('operator'), PASSWORD))
    expect((await covey('holder', `registry show --account ${operator}`)).text).to.contain('none')
    await expectRejects(() => covey('operator', 'registry set --name Ann'), 'E_REVERT')
    await expectRejects(() => covey('operator', 'registry set'), 'E_CONFIG')

    const rotated = await covey('operator', 'registry rotate')
    const peerId = peerIdOf(await loadPeerKey(keyOf('operator'), PASSWORD))
    expect([rotated.result.peerId, peerId === first]).to.deep.equal([peerId, false])
    // interrupted after the chain had it and before the file had moved: the same key is taken up again
    await rename(keyOf('operator'), `${keyOf('operator')}.next`)
    expect((await covey('operator', 'registry rotate')).result).to.include({ peerId, transaction: null })
    expect(peerIdOf(await loadPeerKey(keyOf('operator'), PASSWORD))).to.equal(peerId)

    await covey('operator', 'registry set --name Ann\u001b[31m --url https://ann.example')
    const shown = await covey('holder', `registry show --account ${operator}`)
    // what a terminal would obey is not printed
    expect(shown.text).to.contain(`peer id  ${peerId}\nname     Ann\uFFFD[31m\nurl      https://ann.example\n`)
    await covey('operator', 'registry set --contact ann@ann.example')
    await covey('operator', 'stake deposit 10')
    await covey('operator', 'delegate commission 5')
    const listed = await covey('holder', 'delegate list')
    expect(listed.text).to.contain('\n  Ann\uFFFD[31m  https://ann.example  ann@ann.example\n')
    expect(listed.result.operators).to.have.nested.property('[0].metadata.contact', 'ann@ann.example')

    expect(String(await expectRejects(() => covey('operator', 'registry exit'), 'E_REVERT'))).to.contain('StakeStands')
    await covey('operator', 'stake withdraw 10')
    await world.chain.admin('evm_increaseTime', [30_000])
    await world.chain.admin('evm_mine')
    await covey('operator', 'stake withdraw')
    expect((await covey('operator', 'registry exit')).text).to.equal(`${operator} is out\n`)
    expect((await covey('operator', 'registry exit')).text).to.equal(`${operator} was not registered\n`)
    const gone = await covey('holder', `registry show --account ${operator}`)
    expect(gone.result).to.deep.equal({ account: operator, peerId: null, name: '', url: '', contact: '' })
  })
})
