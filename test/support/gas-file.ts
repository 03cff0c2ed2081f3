/** Where the price of each call is kept: a snapshot for each of the two ways in which the contracts are compiled. */
import hre from 'hardhat'

/** test/gas.json; what the calls cost in another profile of hardhat.config.ts stands beside it. */
export function gasFile(): URL {
  // its type says that it is always given
  const profile: string | undefined = hre.globalOptions.buildProfile
  return new URL(`../gas${profile === undefined || profile === 'default' ? '' : `-${profile}`}.json`, import.meta.url)
}
