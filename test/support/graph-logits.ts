/** Logits of the engine's own graph, in this thread: at every place at once, or token by token with a cache. */
import { buildInferGraph } from '../../src/engine/network/infer-graph.ts'
import { OnnxRunner } from '../../src/engine/onnx/runner.ts'
import { floatTensor, intTensor, onnxRuntime, runSession } from '../../src/engine/onnx/session.ts'
import type { Adapter } from '../../src/types/adapter.ts'
import type { BaseModel } from '../../src/types/model.ts'

type Rows = number[][]

const rowsOf = (data: Float32Array, count: number): Rows => {
  const width = data.length / count
  return Array.from({ length: count }, (_, i) => [...data.subarray(i * width, (i + 1) * width)])
}

/**
 * Not the engine's own way to open a session: that turns denormal numbers to zero for the whole thread, which here is the one
 * that all tests run in.
 */
const open = (graph: Uint8Array) =>
  onnxRuntime().InferenceSession.create(graph, { intraOpNumThreads: 1, logSeverityLevel: 3 })

/** (index.length, V): logits at the places asked for, all of them unless given. */
export async function wholeLogits(
  model: BaseModel,
  ids: readonly number[],
  index: readonly number[] = [...ids.keys()],
  adapter: Adapter | null = null,
  firstPosition = 0,
): Promise<Rows> {
  const { config } = model
  const layout = adapter?.layout ?? null
  const session = await open(buildInferGraph(model, layout).bytes)
  const grid = [1, ids.length]
  const positions = intTensor(
    Int32Array.from(ids, (_, i) => firstPosition + i),
    grid,
  )
  const segments = intTensor(new Int32Array(ids.length).fill(1), grid)
  const none = floatTensor(new Float32Array(0), [1, config.kvHeads, 0, config.headDim])
  const past = Array.from({ length: config.layers }, (_, i) => [
    [`past_keys_${i}`, none],
    [`past_values_${i}`, none],
  ]).flat()
  const feeds = {
    ...new OnnxRunner(session, config, layout?.entries ?? []).makeFactors(adapter?.values ?? null),
    ...Object.fromEntries(past),
    ids: intTensor(Int32Array.from(ids), [ids.length]),
    positions,
    segments,
    key_positions: positions,
    key_segments: segments,
    index: intTensor(Int32Array.from(index), [index.length]),
    targets: intTensor(new Int32Array(index.length), [index.length]),
  }
  const { logits } = await runSession(session, feeds, ['logits'])
  await session.release()
  return rowsOf(logits?.data as Float32Array, index.length)
}

/** (ids.length, V): a prefill of `first` tokens, then one token a call; rows before `first`−1 are left out. */
export async function cachedLogits(model: BaseModel, ids: readonly number[], first: number): Promise<Rows> {
  const session = await open(buildInferGraph(model, null).bytes)
  const runner = new OnnxRunner(session, model.config, [])
  const range = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i)
  const out: Rows = []
  let cache: Parameters<typeof runner.decode>[2] = null
  for (let at = 0; at < ids.length; at = at === 0 ? first : at + 1) {
    const end = at === 0 ? first : at + 1
    const call = {
      rows: 1,
      length: end - at,
      ids: Int32Array.from(ids.slice(at, end)),
      positions: range(at, end),
      segments: new Int32Array(end - at).fill(1),
      keySegments: new Int32Array(end).fill(1),
      keyPositions: range(0, end),
      index: Int32Array.of(end - at - 1),
    }
    const result = await runner.decode({}, call, cache)
    cache = result.cache
    out.push([...result.logits])
  }
  await runner.close()
  return out
}

/** What a model keeps of some tokens: keys and values, one a layer, (1, K, tokens, h). */
export async function cacheOf(
  model: BaseModel,
  ids: readonly number[],
): Promise<{ keys: Float32Array[]; values: Float32Array[] }> {
  const session = await open(buildInferGraph(model, null).bytes)
  const runner = new OnnxRunner(session, model.config, [])
  const positions = Int32Array.from(ids, (_, i) => i)
  const segments = new Int32Array(ids.length).fill(1)
  const call = {
    rows: 1,
    length: ids.length,
    ids: Int32Array.from(ids),
    positions,
    segments,
    keySegments: segments,
    keyPositions: positions,
    index: Int32Array.of(ids.length - 1),
  }
  const { keys, values } = (await runner.decode({}, call, null)).cache
  const numbers = (list: typeof keys): Float32Array[] => list.map((t) => Float32Array.from(t.data as Float32Array))
  const out = { keys: numbers(keys), values: numbers(values) }
  await runner.close()
  return out
}

/** max|a − b| / max|b| */
export function relativeError(a: Rows, b: Rows): number {
  let most = 0
  let size = 0
  for (const [t, row] of b.entries())
    for (const [i, v] of row.entries()) {
      const got = a[t]?.[i] ?? Number.NaN
      most = Number.isFinite(got) ? Math.max(most, Math.abs(got - v)) : Number.POSITIVE_INFINITY
      size = Math.max(size, Math.abs(v))
    }
  return a.length === b.length ? most / size : Number.POSITIVE_INFINITY
}
