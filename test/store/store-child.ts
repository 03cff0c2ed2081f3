/** A process that writes to a store without end, telling what is durable: open-store.test.ts kills it. */
import { sha256 } from '../../src/base/bytes.ts'
import { openStore } from '../../src/store/open-store.ts'

const store = await openStore(process.argv[2] as string)
console.log('open')
const big = new Uint8Array(300_000)
const partial = await store.blobs.partial(sha256('never finished'), 100_000_000, 100_000_000)
for (let i = 0; ; i++) {
  await store.journal.once(`n/${String(i).padStart(6, '0')}`, () => i)
  big.fill(i & 255)
  const digest = await store.blobs.put(big)
  await store.facts.put('last', { i, digest })
  await partial.append(big.subarray(0, 1000))
  console.log(`${i} ${digest}`)
}
