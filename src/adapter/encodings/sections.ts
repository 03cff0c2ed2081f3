/**
 * The file that the encodings beyond safetensors share: a header whose every number the reader knows or bounds beforehand,
 * then sections of bytes, each entropy-coded by zstd (RFC 8878) where that makes it smaller. Little-endian:
 *
 * | offset | |
 * |---|---|
 * | 0 | `CVYD` |
 * | 4 | version (1), kind, bits of a code, number of sections: one byte each |
 * | 8 | values of the trained factors, u32 |
 * | 12 | values that share a scale, u32 |
 * | 16 | values that are sent, u32 |
 * | 20 | for each section: its size, its size as stored, u32 each; equal when it is stored as it is, else one zstd frame |
 * | … | the sections |
 *
 * No names and shapes: the layout follows from the spec, and for a small adapter they would be most of the file. Two zstd
 * versions may make other bytes of the same values; nobody makes a delta's bytes twice, and what they decode to is the same.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'

const MAGIC = 0x44595643 // "CVYD"
const VERSION = 1
const FIXED_BYTES = 20
/** zstd's smallest window is 2^10 bytes. */
const MIN_WINDOW_LOG = 10
/**
 * Codes have no repetitions worth the name, and zstd's usual levels spend bytes on chance ones: its
 * strategy that weighs what each costs, and hardly a look for them.
 */
const FEW_REPETITIONS = {
  [constants.ZSTD_c_compressionLevel]: 18,
  [constants.ZSTD_c_minMatch]: 6,
  [constants.ZSTD_c_searchLog]: 1,
  [constants.ZSTD_c_chainLog]: 6,
  [constants.ZSTD_c_hashLog]: 6,
}

export interface SectionsHeader {
  /** what the sections are: 1 dense blocks, 2 the largest values, 3 thin factors or signs, 4 turned tensors */
  readonly kind: number
  /** of one code */
  readonly bits: number
  /** of all trained factors */
  readonly values: number
  /** values that share a scale */
  readonly block: number
  /** values that are sent */
  readonly kept: number
}

/** Smallest and largest size that a section may have, bytes. */
export type SizeRange = readonly [least: number, most: number]

/** What a reader knows of a file before it reads it. */
export interface ExpectedSections {
  readonly header: Omit<SectionsHeader, 'kept'>
  /** smallest and largest `kept` */
  readonly kept: SizeRange
  /** given `kept`, which is within its bounds */
  readonly sizes: (kept: number) => readonly SizeRange[]
}

/** Bytes before the sections. */
export const headerBytes = (sections: number): number => FIXED_BYTES + 8 * sections

/** A whole file. */
export function writeSections(header: SectionsHeader, sections: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(headerBytes(sections.length))
  const view = new DataView(head.buffer)
  view.setUint32(0, MAGIC, true)
  head.set([VERSION, header.kind, header.bits, sections.length], 4)
  view.setUint32(8, header.values, true)
  view.setUint32(12, header.block, true)
  view.setUint32(16, header.kept, true)
  const stored = sections.map(smaller)
  stored.forEach((bytes, i) => {
    view.setUint32(FIXED_BYTES + 8 * i, (sections[i] as Uint8Array).byteLength, true)
    view.setUint32(FIXED_BYTES + 8 * i + 4, bytes.byteLength, true)
  })
  return concatBytes([head, ...stored])
}

/**
 * The sections of a stranger's file, after every number in its header was held against what was expected: nothing is
 * decompressed, and no more memory taken than that, before all of them fit. @throws CoveyError E_DELTA
 */
export function readSections(
  file: Uint8Array,
  expected: ExpectedSections,
): { readonly kept: number; readonly sections: readonly Uint8Array[] } {
  if (file.byteLength < FIXED_BYTES) throw broken('bytes', `at least ${FIXED_BYTES}`, file.byteLength)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const u32 = (at: number): number => view.getUint32(at, true)
  const { header } = expected
  check('magic number', u32(0), MAGIC)
  check('version', view.getUint8(4), VERSION)
  check('kind', view.getUint8(5), header.kind)
  check('bits', view.getUint8(6), header.bits)
  check('values', u32(8), header.values)
  check('values a scale', u32(12), header.block)
  const kept = u32(16)
  within('values sent', kept, expected.kept)
  const sizes = expected.sizes(kept)
  check('sections', view.getUint8(7), sizes.length)
  let at = headerBytes(sizes.length)
  if (file.byteLength < at) throw broken('bytes', `at least ${at}`, file.byteLength)
  const spans = sizes.map((range, i) => {
    const size = u32(FIXED_BYTES + 8 * i)
    const stored = u32(FIXED_BYTES + 8 * i + 4)
    within(`size of section ${i + 1}`, size, range)
    within(`stored size of section ${i + 1}`, stored, [0, size])
    const begin = at
    at += stored
    return { size, begin, end: at }
  })
  check('bytes', file.byteLength, at)
  const sections = spans.map(({ size, begin, end }, i) => inflate(file.subarray(begin, end), size, i + 1))
  return { kept, sections }
}

/** Smaller of the bytes and their zstd frame. */
function smaller(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength === 0) return bytes
  const frame = zstdCompressSync(bytes, {
    params: { ...FEW_REPETITIONS, [constants.ZSTD_c_windowLog]: windowLog(bytes.byteLength) },
  })
  return frame.byteLength < bytes.byteLength ? frame : bytes
}

function inflate(stored: Uint8Array, size: number, section: number): Uint8Array {
  if (stored.byteLength === size) return stored
  let result: { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } }
  try {
    const options = {
      // a frame may ask for a window of gigabytes whatever it holds
      params: { [constants.ZSTD_d_windowLogMax]: windowLog(size) },
      maxOutputLength: size,
      info: true,
    }
    // the types do not know what `info` returns
    result = zstdDecompressSync(stored, options) as unknown as typeof result
  } catch (cause) {
    const message = `section ${section}: expected ${size} bytes in a zstd frame, got ${(cause as Error).message}`
    throw new CoveyError('E_DELTA', message, { section }, { cause })
  }
  check(`decompressed size of section ${section}`, result.buffer.byteLength, size)
  // what stands behind the first frame is read over in silence
  check(`size of the frame of section ${section}`, result.engine.bytesWritten, stored.byteLength)
  return result.buffer
}

/** Smallest window that holds `size` bytes, as a power of two. */
function windowLog(size: number): number {
  let log = MIN_WINDOW_LOG
  while (2 ** log < size) log++
  return log
}

function check(what: string, got: number, expected: number): void {
  if (got !== expected) throw broken(what, String(expected), got)
}

function within(what: string, got: number, [least, most]: SizeRange): void {
  if (got < least || got > most) throw broken(what, least === most ? String(least) : `${least} to ${most}`, got)
}

/** What every reader of sections says of a file that is not what it must be. */
export function broken(what: string, expected: string, got: number): CoveyError {
  return new CoveyError('E_DELTA', `${what}: expected ${expected}, got ${got}`, { expected, got })
}
