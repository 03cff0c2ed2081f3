/** A repository for tests of pulling, and what a pull of it is given. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../src/base/abort.ts'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { ModelChecks } from '../../src/hub/collect.ts'
import { HUB_LIMITS, type HubLimits } from '../../src/hub/limits.ts'
import { partName, type WantedFile } from '../../src/hub/part-file.ts'
import { placesOf } from '../../src/hub/places.ts'
import type { PullOptions } from '../../src/hub/pull.ts'
import type { Clock } from '../../src/types/clock.ts'
import type { HubServer, Repo } from './hub-server.ts'

export const WEIGHTS = 'model.safetensors'
export const ID = 'acme/tiny'
export const COMMIT = 'c0ffee'.padEnd(40, '0')
export const FACTS = { architecture: 'LlamaForCausalLM', parameters: 12, digest: 'd'.repeat(64) }

/** Bytes that are the same for the same seed. */
export function randomBytes(size: number, seed: string): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => Math.floor(random.next() * 256))
}

/** Two shards, the texts, and files that nobody needs. */
export function shardedRepo(commit = COMMIT): Repo {
  const [one, two] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
  return {
    commit,
    files: {
      'README.md': utf8.encode('# Tiny\n'),
      LICENSE: utf8.encode('do what you like\n'),
      'config.json': utf8.encode('{"architectures":["LlamaForCausalLM"]}'),
      'tokenizer.json': utf8.encode('{}'),
      'model.safetensors.index.json': utf8.encode(JSON.stringify({ weight_map: { a: one, b: two, c: one } })),
      [one]: randomBytes(300_000, 'one'),
      [two]: randomBytes(200_000, 'two'),
      'consolidated.safetensors': randomBytes(1000, 'other'),
      'pytorch_model.bin': randomBytes(1000, 'pickle'),
      'onnx/model.onnx': randomBytes(1000, 'onnx'),
      '.gitattributes': utf8.encode('*.safetensors filter=lfs\n'),
    },
  }
}

/** One weight file of 400,000 bytes. */
export function wholeRepo(commit = COMMIT): Repo {
  return {
    commit,
    files: {
      'config.json': utf8.encode('{"architectures":["LlamaForCausalLM"]}'),
      'tokenizer.json': utf8.encode('{"version":"1.0"}'),
      [WEIGHTS]: randomBytes(400_000, commit),
    },
  }
}

/** Where what there is of a whole repository's weights lies while they are on their way. */
export function weightsPart(models: string, repo = wholeRepo()): string {
  const bytes = repo.files[WEIGHTS] as Uint8Array
  const file: WantedFile = { path: WEIGHTS, size: bytes.byteLength, expected: { kind: 'sha256', hex: sha256(bytes) } }
  return join(placesOf(models, ID).partial, partName(file))
}

/** Checks that take everything. */
export const anyModel: ModelChecks = { texts: async () => {}, model: async () => FACTS }

/** Waits are noted, not waited. */
export class NotingClock implements Clock {
  readonly waits: number[] = []

  now(): number {
    return 1_700_000_000_000
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(ms)
    await setImmediate()
    throwIfAborted(signal)
  }
}

export function pullOptions(
  server: HubServer,
  models: string,
  limits: Partial<HubLimits> = {},
): PullOptions & { readonly clock: NotingClock } {
  return {
    repository: { endpoint: server.url, id: ID, revision: 'main' },
    token: null,
    models,
    name: ID,
    checks: anyModel,
    limits: { ...HUB_LIMITS, ...limits },
    clock: new NotingClock(),
  }
}
