// postinstall. npm under a system Node older than 22 silently skips optional packages whose `engines`
// ask for more (Hardhat's native part). Inside a lifecycle script node_modules/.bin is first on PATH,
// so `node` here is the Node 24 that npm has just installed: let it add what is missing.
import { spawnSync } from 'node:child_process'

const present = () =>
  spawnSync(process.execPath, ['-e', "import('@nomicfoundation/edr').catch(() => process.exit(1))"], {
    stdio: 'ignore',
  }).status === 0

const npm = process.env.npm_execpath
const production = process.env.NODE_ENV === 'production' || process.env.npm_config_omit?.includes('dev')
if (npm !== undefined && !production && !present()) {
  const args = ['install', '--no-save', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund']
  const run = spawnSync(process.execPath, [npm, ...args], { stdio: 'inherit' })
  if (run.status !== 0 || !present()) {
    console.error(
      "covey: Hardhat's native part could not be installed; the contract tests will not run (expected @nomicfoundation/edr)",
    )
  }
}
