/** What `node start` and `coordinator start` have in common. */
import { sentence } from '../node/emit.ts'
import type { Emit } from '../node/events.ts'
import type { PeerSettings } from '../node/settings.ts'
import { DEFAULT_ENGINE } from '../src/engine/open-engine.ts'
import { engineSettingsOf, SHIPPED_MODEL } from './common.ts'
import { type Config, required } from './config.ts'
import type { Output } from './output.ts'
import { signerOf } from './signer.ts'

const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/4001']

/** @throws CoveyError E_CONFIG when a setting is missing */
export function peerSettingsOf(config: Config): PeerSettings {
  const { settings, dir } = config
  return {
    dir,
    chain: { rpc: required(config, 'rpc'), addressesFile: required(config, 'contracts'), signer: signerOf(config) },
    network: {
      listen: settings.listen ?? DEFAULT_LISTEN,
      bootstrap: settings.bootstrap ?? [],
      mdns: settings.mdns ?? false,
    },
    model: settings.model ?? SHIPPED_MODEL,
    engine: { name: settings.engine ?? DEFAULT_ENGINE, settings: engineSettingsOf(config) },
    threads: settings.threads ?? 0,
  }
}

/** Events as JSON lines with --json, as sentences otherwise. */
export function emitterOf(output: Output): Emit {
  return (event) => {
    const at = new Date().toISOString()
    output.event({ at, ...event })
    const text = sentence(event)
    if (text !== null) output.line(`${at.slice(11, 19)}  ${text}`)
  }
}
