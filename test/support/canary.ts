/**
 * Canaries: strings planted in private files, and a detector that looks for them, in every spelling in which they could
 * slip out, in all bytes that were seen to leave a node.
 */
import { inspect } from 'node:util'
import { sentence } from '../../node/emit.ts'
import type { NodeEvent } from '../../node/events.ts'
import type { Tokenizer } from '../../src/types/data.ts'
import type { Ledger } from '../../src/types/ledger.ts'
import type { BlobSource, Transport } from '../../src/types/transport.ts'

/** Bytes that left a node, and by which door. */
interface Capture {
  readonly where: string
  readonly bytes: Buffer
}

interface Needle {
  readonly spelling: string
  readonly bytes: Buffer
  /** look in the lower-cased bytes */
  readonly anyCase: boolean
}

/** Ids of the canary as they stand inside any text: the first and last token depend on what surrounds it. */
export function innerTokens(canary: string, tokenizer: Tokenizer): number[] {
  const ids = tokenizer.encode(` ${canary} `).slice(2, -2)
  if (ids.length < 4) throw new Error(`canary ${canary}: only ${ids.length} inner tokens, chance would find them too`)
  return ids
}

function needlesOf(canary: string, tokenizer: Tokenizer): Needle[] {
  const text = Buffer.from(canary)
  const ids = innerTokens(canary, tokenizer)
  const bytesOf = (values: ArrayBufferView): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  // base64 of a text inside a longer one depends on where it begins, modulo 3; the ends depend on the neighbours
  const base64 = [0, 1, 2].map((shift) => {
    const spelt = Buffer.concat([Buffer.alloc(shift), text]).toString('base64')
    return spelt.slice(4, 4 * Math.floor((shift + text.byteLength) / 3))
  })
  return [
    { spelling: 'plain', bytes: Buffer.from(canary.toLowerCase()), anyCase: true },
    { spelling: 'UTF-16', bytes: Buffer.from(canary, 'utf16le'), anyCase: false },
    { spelling: 'hex', bytes: Buffer.from(text.toString('hex')), anyCase: true },
    ...base64.flatMap((b) => [
      { spelling: 'base64', bytes: Buffer.from(b), anyCase: false },
      { spelling: 'base64url', bytes: Buffer.from(b.replaceAll('+', '-').replaceAll('/', '_')), anyCase: false },
    ]),
    { spelling: 'ids as int32', bytes: bytesOf(Int32Array.from(ids)), anyCase: false },
    { spelling: 'ids as int64', bytes: bytesOf(BigInt64Array.from(ids.map(BigInt))), anyCase: false },
    { spelling: 'ids as uint16', bytes: bytesOf(Uint16Array.from(ids)), anyCase: false },
    { spelling: 'ids as JSON', bytes: Buffer.from(ids.join(',')), anyCase: false },
  ]
}

/** @returns one line for each place where a canary was found: `door: spelling of canary` */
export function findCanaries(
  captures: readonly Capture[],
  canaries: readonly string[],
  tokenizer: Tokenizer,
): string[] {
  const needles = canaries.map((canary) => ({ canary, needles: needlesOf(canary, tokenizer) }))
  const found = new Set<string>()
  for (const { where, bytes } of captures) {
    // latin1 keeps every byte one character, so that lower-casing moves nothing
    const lower = Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1')
    for (const { canary, needles: list } of needles) {
      for (const needle of list) {
        if ((needle.anyCase ? lower : bytes).includes(needle.bytes))
          found.add(`${where}: ${needle.spelling} of ${canary}`)
      }
    }
  }
  return [...found]
}

/** Stands at the doors of a node and keeps a copy of whatever passes. */
export class Doors {
  readonly captures: Capture[] = []

  add(where: string, data: Uint8Array | string): void {
    this.captures.push({ where, bytes: typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.slice()) })
  }

  /** an error as a log would show it: message, data, stack and causes */
  error(where: string, error: unknown): void {
    this.add(where, inspect(error, { depth: 20, maxStringLength: null, maxArrayLength: null }))
  }

  event(event: NodeEvent): void {
    const text = JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
    this.add(`event ${event.event}`, text)
    this.add(`sentence ${event.event}`, sentence(event) ?? '')
  }

  transport(transport: Transport): Transport {
    return withMethods(transport, {
      publish: (topic: string, data: Uint8Array) => {
        this.add('gossip', topic)
        this.add('gossip', data)
        return transport.publish(topic, data)
      },
      sign: (bytes: Uint8Array) => {
        this.add('signed', bytes)
        return transport.sign(bytes)
      },
      serveBlobs: (source: BlobSource) => {
        transport.serveBlobs({
          size: (digest) => source.size(digest),
          read: async (digest, offset, length) => {
            const bytes = await source.read(digest, offset, length)
            this.add('served blob', bytes)
            return bytes
          },
        })
      },
    })
  }

  /** every call with its arguments: reads go to somebody's RPC server too */
  ledger(ledger: Ledger): Ledger {
    return new Proxy(ledger, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          this.add(`ledger ${String(name)}`, inspect(args, { depth: 20, maxStringLength: null, maxArrayLength: null }))
          return value.apply(target, args)
        }
      },
    })
  }

  /** what the process writes on its terminal; @returns how to stop */
  terminal(): () => void {
    const stops = [process.stdout, process.stderr].map((stream) => {
      const write = stream.write.bind(stream)
      stream.write = ((chunk: Uint8Array | string, ...rest: never[]) => {
        this.add('terminal', chunk)
        return write(chunk, ...rest)
      }) as typeof stream.write
      return () => {
        stream.write = write
      }
    })
    return () => {
      for (const stop of stops) stop()
    }
  }
}

/** The same object with some methods replaced; the rest keeps its own `this`. */
function withMethods<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
