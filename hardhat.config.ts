/** Hardhat: compiles contracts/, runs their tests (Solidity in contracts/test, TypeScript in test/contracts). */
import { createRequire } from 'node:module'
import hardhatEthers from '@nomicfoundation/hardhat-ethers'
import hardhatChaiMatchers from '@nomicfoundation/hardhat-ethers-chai-matchers'
import hardhatMocha from '@nomicfoundation/hardhat-mocha'
import hardhatNetworkHelpers from '@nomicfoundation/hardhat-network-helpers'
import { defineConfig } from 'hardhat/config'

// solc comes from npm, pinned by the lockfile, and is never downloaded: this works without a network
const soljson = createRequire(import.meta.url).resolve('solc/soljson.js')
const solc = (extra: object = {}) => ({
  version: '0.8.34',
  path: soljson,
  settings: { evmVersion: 'cancun', optimizer: { enabled: true, runs: 20 }, ...extra },
})

export default defineConfig({
  plugins: [hardhatEthers, hardhatMocha, hardhatChaiMatchers, hardhatNetworkHelpers],
  // isolated, each file would be compiled with all that it imports by itself: many times the work
  solidity: { profiles: { default: solc(), production: { ...solc({ viaIR: true }), isolated: false } } },
  paths: { tests: { mocha: './test/contracts', solidity: './contracts/test' } },
  networks: {
    default: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka' },
  },
  test: {
    mocha: { timeout: 60_000 },
    // seeded, so that a failure comes again
    solidity: { fuzz: { runs: 256, seed: '0x1234' }, invariant: { runs: 24, depth: 40, failOnRevert: false } },
  },
})
