/** What a participant or a coordinator is configured with; read and checked by cli/config.ts. */

import type { EngineSettings } from '../src/engine/settings.ts'
import type { Address } from '../src/types/ledger.ts'
import type { PrivacyFloor } from './privacy/floor.ts'

export interface ChainSettings {
  /** http(s) URL of an EVM node */
  readonly rpc: string
  /** file with the contracts' addresses, as `covey chain deploy` writes it */
  readonly addressesFile: string
  /** who signs in place of the folder's key file; null = the key file */
  readonly signer: { readonly url: string; readonly account: Address | null } | null
}

export interface NetworkSettings {
  /** multiaddrs to listen on, /ip4/127.0.0.1/tcp/0 */
  readonly listen: readonly string[]
  /** multiaddrs with /p2p/ of peers to meet first: a coordinator's */
  readonly bootstrap: readonly string[]
  /** look for peers on the local network */
  readonly mdns: boolean
}

export interface DataSettings {
  /** .jsonl or .jsonl.gz */
  readonly file: string
  /** templates for this file; null = the task's own */
  readonly prompt: string | null
  readonly completion: string | null
}

export interface ServeSettings {
  readonly host: string
  readonly port: number
  /** bearer token; null = none */
  readonly token: string | null
}

export interface PeerSettings {
  /** the node's folder: keys, journal, blobs */
  readonly dir: string
  readonly chain: ChainSettings
  readonly network: NetworkSettings
  /** folder of the base model */
  readonly model: string
  /** what computes, by its name in src/engine/open-engine.ts, and what is set about it */
  readonly engine: { readonly name: string; readonly settings: EngineSettings }
  /** cores; 0 = all */
  readonly threads: number
}

export interface ParticipantSettings extends PeerSettings {
  readonly task: number
  readonly data: DataSettings | null
  readonly serve: ServeSettings | null
  readonly privacy: PrivacyFloor
  /** of LoRA's directions, how many are trained at most, where the task lets nodes choose; null = all */
  readonly maxRank: number | null
  /** .jsonl of records with `prompt` and `completion`: back doors that the owner suspects; null = none */
  readonly canaries: string | null
  /** see node/misbehave.ts; null = honest */
  readonly misbehave: string | null
}

/** Where a node's files lie in its folder. */
export const nodeFiles = {
  accountKey: (dir: string): string => `${dir}/keys/account.json`,
  peerKey: (dir: string): string => `${dir}/keys/peer.key`,
  store: (dir: string): string => `${dir}/store`,
}

/** Where a participant leaves the global adapter of a finished task, in PEFT's layout. */
export const adapterFolder = (dir: string, task: number): string => `${dir}/adapter-${task}`
