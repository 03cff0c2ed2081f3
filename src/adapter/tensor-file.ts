/** adapter_model.safetensors: the tensors of a layout, by name. */
import { open } from 'node:fs/promises'
import { CoveyError, messageOf } from '../base/errors.ts'
import { parseSafetensors, toFloat32 } from '../base/safetensors.ts'
import type { AdapterLayout } from '../types/adapter.ts'
import { entryValues } from './layout.ts'

export const WEIGHTS_FILE = 'adapter_model.safetensors'

/** other writers' headers carry metadata and spaces; 1 MiB on top of the values is far more than they use */
const MAX_EXTRA_BYTES = 1024 * 1024
const FLOAT32_BYTES = 4

/**
 * F32, F16 or BF16; exactly the layout's tensors, in any order.
 * @returns (layout.size). @throws CoveyError E_ADAPTER naming the file and what is wrong
 */
export async function readTensors(path: string, layout: AdapterLayout): Promise<Float32Array> {
  const names = layout.entries.reduce((n, e) => n + e.name.length, 0)
  const file = await readCapped(path, FLOAT32_BYTES * layout.size + 2 * names + MAX_EXTRA_BYTES)
  const values = new Float32Array(layout.size)
  try {
    const { header, bytes } = parseSafetensors(file)
    for (const entry of layout.entries) {
      const info = header.tensors.get(entry.name)
      const data = bytes(entry.name)
      const expected = entry.shape.join(', ')
      if (!info || !data || info.shape.join(', ') !== expected) {
        const got = info ? `[${info.shape.join(', ')}]` : 'no such tensor'
        throw new CoveyError('E_ADAPTER', `${path}: ${entry.name}: expected [${expected}], got ${got}`, {
          tensor: entry.name,
        })
      }
      const read = toFloat32(info.dtype, data)
      if (!read.every(Number.isFinite))
        throw new CoveyError('E_ADAPTER', `${path}: ${entry.name}: expected finite values`, { tensor: entry.name })
      entryValues(values, entry).set(read)
    }
    const known = new Set(layout.entries.map((e) => e.name))
    const extra = [...header.tensors.keys()].find((name) => !known.has(name))
    if (extra !== undefined)
      throw new CoveyError('E_ADAPTER', `${path}: tensor ${extra} has no place in this model`, { tensor: extra })
  } catch (cause) {
    if (cause instanceof CoveyError && cause.code === 'E_ADAPTER') throw cause
    throw new CoveyError('E_ADAPTER', `${path}: ${messageOf(cause)}`, { path }, { cause })
  }
  return values
}

/** @throws CoveyError E_ADAPTER when it cannot be read or is larger */
export async function readCapped(path: string, maxBytes: number): Promise<Uint8Array> {
  let file: Awaited<ReturnType<typeof open>> | undefined
  try {
    file = await open(path, 'r')
    const { size } = await file.stat()
    if (size > maxBytes) {
      throw new CoveyError('E_ADAPTER', `${path}: expected at most ${maxBytes} bytes, got ${size}`, { path, size })
    }
    return await file.readFile()
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause
    throw new CoveyError('E_ADAPTER', `${path}: ${messageOf(cause)}`, { path }, { cause })
  } finally {
    await file?.close()
  }
}
