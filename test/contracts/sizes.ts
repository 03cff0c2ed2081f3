import { expect } from 'chai'
import { artifacts } from 'hardhat'

/** EIP-170: a larger contract cannot be deployed. */
const MOST_BYTES = 24_576
/** So that a small change never meets the limit unprepared. */
const SPARE_BYTES = 1_024

describe('contract sizes', () => {
  it('stay a kilobyte below what can be deployed', async () => {
    const names = [...(await artifacts.getAllFullyQualifiedNames())].filter(
      (name) => name.startsWith('contracts/') && !name.startsWith('contracts/test/'),
    )
    expect(names).to.include('contracts/CoveyTasks.sol:CoveyTasks')
    for (const name of names) {
      const { deployedBytecode } = await artifacts.readArtifact(name)
      expect(deployedBytecode.length / 2 - 1, name).to.be.at.most(MOST_BYTES - SPARE_BYTES)
    }
  })
})
