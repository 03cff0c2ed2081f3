/** Reading a model folder's files: small JSON whole, weight files by their header and then one tensor at a time. */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { throwIfAborted } from '../../base/abort.ts'
import { CoveyError, messageOf } from '../../base/errors.ts'
import { DTYPE_BYTES, readSafetensorsHeader, type TensorInfo, toFloat32 } from '../../base/safetensors.ts'

/** Hugging Face's names */
export const CONFIG_FILE = 'config.json'
export const WEIGHTS_FILE = 'model.safetensors'
export const INDEX_FILE = 'model.safetensors.index.json'

/** config.json is a few KB; the index of a model with thousands of tensors stays below 1 MB. */
export const MAX_JSON_BYTES = 16 * 1024 * 1024
/** as the safetensors reference implementation */
const MAX_HEADER_BYTES = 100_000_000
/** Node reads less than 2 GiB at once. */
const MAX_READ_BYTES = 2 ** 30

/** One weight file: where each tensor lies, and what the file looked like when it was opened. */
export interface WeightFile {
  readonly path: string
  readonly name: string
  readonly dataStart: number
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly size: number
  readonly mtime_ms: number
}

/** @throws CoveyError E_MODEL_FILE when it is missing, too large or not a JSON object */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  let value: unknown
  try {
    const { size } = await stat(path)
    if (size > MAX_JSON_BYTES) {
      throw new CoveyError('E_MODEL_FILE', `${path}: expected at most ${MAX_JSON_BYTES} bytes, got ${size}`, {
        path,
        size,
      })
    }
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause
    throw fileError(path, cause)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new CoveyError('E_MODEL_FILE', `${path}: expected a JSON object`, { path })
  }
  return value as Record<string, unknown>
}

/** The names of a folder's weight files, sorted. @throws CoveyError E_MODEL_FILE */
export async function weightFileNames(dir: string): Promise<string[]> {
  if (await exists(join(dir, WEIGHTS_FILE))) return [WEIGHTS_FILE]
  const path = join(dir, INDEX_FILE)
  if (!(await exists(path))) {
    throw new CoveyError('E_MODEL_FILE', `${dir}: expected ${WEIGHTS_FILE} or ${INDEX_FILE}, found neither`, { dir })
  }
  const map = (await readJsonObject(path)).weight_map
  const files = map !== null && typeof map === 'object' ? [...new Set(Object.values(map))] : []
  // a shard's name comes from a file that a stranger may have written: it must not lead out of the folder
  if (
    files.length === 0 ||
    !files.every((f): f is string => typeof f === 'string' && basename(f) === f && f.endsWith('.safetensors'))
  ) {
    throw new CoveyError('E_MODEL_FILE', `${path}: weight_map must name .safetensors files of the same folder`, {
      path,
    })
  }
  return files.sort()
}

/** Reads and checks one weight file's header. @throws CoveyError E_MODEL_FILE */
export async function openWeightFile(dir: string, name: string): Promise<WeightFile> {
  const path = join(dir, name)
  let file: Awaited<ReturnType<typeof open>> | undefined
  try {
    file = await open(path, 'r')
    const { size, mtimeMs } = await file.stat()
    const start = Buffer.alloc(8)
    await file.read(start, 0, 8, 0)
    const length = size < 8 ? 0 : Math.min(Number(start.readBigUInt64LE()), size - 8, MAX_HEADER_BYTES)
    const head = new Uint8Array(Math.min(8 + length, size))
    await file.read(head, 0, head.byteLength, 0)
    const { tensors, dataStart } = readSafetensorsHeader(head, size)
    return { path, name, dataStart, tensors, size, mtime_ms: mtimeMs }
  } catch (cause) {
    throw fileError(path, cause)
  } finally {
    await file?.close()
  }
}

/**
 * One tensor as float32, read now. Synchronous since `BaseModel.tensor` is.
 * @throws CoveyError E_MODEL_FILE, also when the file is another one than was opened
 */
export function readTensor(file: WeightFile, info: TensorInfo): Float32Array {
  const bytes = readTensorBytes(file, info)
  // the bytes are ours alone, so float32 needs no second copy
  if (info.dtype === 'F32') return new Float32Array(bytes.buffer, 0, bytes.byteLength / DTYPE_BYTES.F32)
  return toFloat32(info.dtype, bytes)
}

/** The same as the file has it, in memory of its own. @throws CoveyError E_MODEL_FILE, as `readTensor` */
export function readTensorBytes(file: WeightFile, info: TensorInfo): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(info.end - info.begin)
  try {
    const fd = openSync(file.path, 'r')
    try {
      const now = fstatSync(fd)
      // the digest was taken when the model was loaded; other bytes must not go under its name
      if (now.size !== file.size || now.mtimeMs !== file.mtime_ms) {
        throw new CoveyError(
          'E_MODEL_FILE',
          `${file.path}: the file changed after the model was loaded; load it again`,
          {
            path: file.path,
          },
        )
      }
      for (let at = 0; at < bytes.byteLength; ) {
        const length = Math.min(bytes.byteLength - at, MAX_READ_BYTES)
        const got = readSync(fd, bytes, at, length, file.dataStart + info.begin + at)
        if (got === 0) throw new Error('the file ended early')
        at += got
      }
    } finally {
      closeSync(fd)
    }
  } catch (cause) {
    throw fileError(file.path, cause)
  }
  return bytes
}

/** sha256 of a file of any size, hex. @throws CoveyError E_MODEL_FILE | E_ABORTED */
export async function fileDigest(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, signal ? { signal } : {})
  } catch (cause) {
    throwIfAborted(signal)
    throw fileError(path, cause)
  }
  return hash.digest('hex')
}

/** True when there is a file at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** The folder's own name, for people. */
export function folderName(dir: string): string {
  return basename(dir) || basename(dirname(dir))
}

function fileError(path: string, cause: unknown): CoveyError {
  if (cause instanceof CoveyError && cause.code === 'E_MODEL_FILE') return cause
  const missing = (cause as { code?: unknown } | null)?.code === 'ENOENT'
  const why = missing ? 'expected this file, there is none' : messageOf(cause)
  return new CoveyError('E_MODEL_FILE', `${path}: ${why}; fetch the model folder again`, { path }, { cause })
}
