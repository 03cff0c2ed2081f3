import { expect } from 'chai'
import { createMemoryDisk, createMemoryStore } from '../../src/store/memory-store.ts'
import { codeOf } from '../support/code-of.ts'
import { storeBehavior } from './store.behavior.ts'

storeBehavior('in memory', async () => {
  const disk = createMemoryDisk()
  return {
    open: async () => createMemoryStore(disk),
    damage: async (digest, bytes) => {
      disk.whole.set(digest, bytes)
    },
    remove: async () => {},
  }
})

describe('memory store', () => {
  it('a killed process leaves what it wrote and writes no more', async () => {
    const disk = createMemoryDisk()
    const killed = createMemoryStore(disk)
    await killed.journal.once('a', () => 1)
    disk.user = null
    const next = createMemoryStore(disk)
    expect(await next.journal.once('a', () => 2)).to.equal(1)
    expect(await codeOf(killed.facts.put('b', 1))).to.equal('E_ABORTED')
  })
})
