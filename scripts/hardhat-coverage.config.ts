/** hardhat.config.ts for scripts/coverage-contracts.ts: instrumented contracts are several times slower. */
import { defineConfig } from 'hardhat/config'
import config from '../hardhat.config.ts'

export default defineConfig({ ...config, test: { ...config.test, mocha: { timeout: 600_000 } } })
