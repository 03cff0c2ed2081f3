import { integer, option } from '../../command.ts'
import { chainOptions, deviceOption, engineOption, modelOption } from '../../common.ts'

export const doctorOptions = {
  dir: chainOptions.dir,
  rpc: chainOptions.rpc,
  contracts: chainOptions.contracts,
  model: modelOption,
  engine: engineOption,
  device: deviceOption,
  port: option('--port <n>', 'port of the HTTP API to try (COVEY_PORT; 8080)', integer(0, 65_535), null),
}
