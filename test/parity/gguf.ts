/**
 * Writes GGUF files with float32 tensors, as much of the format as an oracle needs.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { writeFile } from 'node:fs/promises'

/** How a value is written is said, not guessed: llama.cpp refuses a key of another type. */
export type GgufValue =
  | { readonly uint: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly bools: readonly boolean[] }

export interface GgufTensor {
  readonly name: string
  /** row-major, slowest first as in safetensors; GGUF lists the fastest first */
  readonly shape: readonly number[]
  readonly values: Float32Array
}

const VERSION = 3
const ALIGNMENT = 32
const TYPE = { uint: 4, float: 6, bool: 7, text: 8, array: 9 } as const
const F32 = 0

class Bytes {
  readonly #parts: Buffer[] = []
  length = 0

  push(part: Buffer): this {
    this.#parts.push(part)
    this.length += part.length
    return this
  }

  uint32(value: number): this {
    const b = Buffer.alloc(4)
    b.writeUInt32LE(value)
    return this.push(b)
  }

  uint64(value: number): this {
    const b = Buffer.alloc(8)
    b.writeBigUInt64LE(BigInt(value))
    return this.push(b)
  }

  float32(value: number): this {
    const b = Buffer.alloc(4)
    b.writeFloatLE(value)
    return this.push(b)
  }

  text(value: string): this {
    const b = Buffer.from(value, 'utf8')
    return this.uint64(b.length).push(b)
  }

  align(): this {
    return this.push(Buffer.alloc((ALIGNMENT - (this.length % ALIGNMENT)) % ALIGNMENT))
  }

  all(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

function pushValue(out: Bytes, value: GgufValue): void {
  if ('uint' in value) out.uint32(TYPE.uint).uint32(value.uint)
  else if ('float' in value) out.uint32(TYPE.float).float32(value.float)
  else if ('bool' in value) out.uint32(TYPE.bool).push(Buffer.of(Number(value.bool)))
  else if ('text' in value) out.uint32(TYPE.text).text(value.text)
  else {
    out.uint32(TYPE.array).uint32(TYPE.bool).uint64(value.bools.length)
    out.push(Buffer.from(value.bools.map(Number)))
  }
}

export async function writeGguf(
  path: string,
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const out = new Bytes()
  out.push(Buffer.from('GGUF', 'latin1')).uint32(VERSION)
  out.uint64(tensors.length).uint64(Object.keys(metadata).length)
  for (const [key, value] of Object.entries(metadata)) pushValue(out.text(key), value)
  const data = new Bytes()
  for (const { name, shape, values } of tensors) {
    out.text(name).uint32(shape.length)
    for (const size of shape.toReversed()) out.uint64(size)
    out.uint32(F32).uint64(data.length)
    data.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength)).align()
  }
  out.align()
  await writeFile(path, Buffer.concat([out.all(), data.all()]))
}
