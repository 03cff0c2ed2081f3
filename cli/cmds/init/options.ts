import { flag } from '../../command.ts'
import { chainOptions, modelOption, networkOptions, passwordFileOption, threadsOption } from '../../common.ts'

export const initOptions = {
  dir: chainOptions.dir,
  passwordFile: passwordFileOption,
  rpc: chainOptions.rpc,
  contracts: chainOptions.contracts,
  model: modelOption,
  ...networkOptions,
  threads: threadsOption,
  fastKdf: flag('--fast-kdf', 'cheap password hashing, for tests and dev nets only: the file is easy to guess open'),
}
