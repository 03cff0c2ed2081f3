import { expect } from 'chai'
import { ensureTask, type TaskPlan } from '../../coordinator/create-task.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { encodeSlice, probeFromBytes } from '../../src/data/slices.ts'
import { createMemoryChain } from '../../src/ledger/memory/ledger.ts'
import { createMemoryDisk, createMemoryStore } from '../../src/store/memory-store.ts'
import type { Store } from '../../src/types/store.ts'
import { specDigest } from '../../src/wire/spec.ts'
import { expectRejects } from '../support/expect-error.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { toyExamples, toySpec, toyTerms } from '../support/simulation.ts'

const TOKEN = 10n ** 18n
const plan: TaskPlan = {
  spec: toySpec(),
  terms: toyTerms({ rounds: 1 }),
  probe: probeFromBytes([encodeSlice(toyExamples('slice', 3))]),
}

function setting() {
  const { chain, mint, ledger } = createMemoryChain({ clock: new FakeClock(), seed: 'tasks' })
  const [alice, bob] = [
    ledger('0x0000000000000000000000000000000000002001'),
    ledger('0x0000000000000000000000000000000000002002'),
  ]
  mint(alice.account, 1000n * TOKEN)
  mint(bob.account, 1000n * TOKEN)
  return { chain, alice, bob }
}

/** The process dies between the transaction and the record. */
function dyingStore(store: Store): Store {
  const put = (): Promise<never> => Promise.reject(new CoveyError('E_DISK', 'the process died'))
  return {
    ...store,
    facts: new Proxy(store.facts, {
      get: (target, name) => (name === 'put' ? put : (Reflect.get(target, name) as () => unknown).bind(target)),
    }),
  }
}

describe('a task of a plan', () => {
  it('binds the spec, the base and the probe, and pays the pool in', async () => {
    const { chain, alice } = setting()
    const id = await ensureTask(alice, createMemoryStore(), plan)
    const { params, creator } = chain.task(id)
    expect(creator).to.equal(alice.account)
    expect(params).to.deep.equal({
      ...plan.terms,
      specDigest: specDigest(plan.spec),
      baseDigest: plan.spec.model.digest,
      probeRoot: plan.probe?.root,
    })
    expect(chain.accountView(alice.account).wallet).to.equal(1000n * TOKEN - plan.terms.pool)
  })

  it('with masks and too few seats to hide anybody among is refused before it costs anything', async () => {
    const { chain, alice } = setting()
    const spec = toySpec({ encoding: 'f32', privacy: { mode: 'masked', cohort: 3, range: 1 } })
    const terms = toyTerms({ rounds: 1, proposers: 2 })
    await expectRejects(() => ensureTask(alice, createMemoryStore(), { ...plan, spec, terms }), 'E_SPEC', /at least 3/)
    expect(chain.taskCount()).to.equal(0)
  })

  it('is created once', async () => {
    const { chain, alice } = setting()
    const store = createMemoryStore()
    const id = await ensureTask(alice, store, plan)
    expect(await ensureTask(alice, store, plan)).to.equal(id)
    expect(await ensureTask(alice, createMemoryStore(), plan), 'also when the disk is lost').to.equal(id)
    expect(chain.taskCount()).to.equal(1)
  })

  it('is found again after a crash between the transaction and the record', async () => {
    const { chain, alice } = setting()
    const disk = createMemoryDisk()
    await expectRejects(() => ensureTask(alice, dyingStore(createMemoryStore(disk)), plan), 'E_DISK')
    expect(chain.taskCount(), 'the transaction went through').to.equal(1)
    disk.user = null
    expect(await ensureTask(alice, createMemoryStore(disk), plan)).to.equal(1)
    expect(chain.taskCount()).to.equal(1)
    expect(chain.accountView(alice.account).wallet).to.equal(1000n * TOKEN - plan.terms.pool)
  })

  it('is another one for another creator, spec or probe', async () => {
    const { chain, alice, bob } = setting()
    const store = createMemoryStore()
    const ids = [
      await ensureTask(bob, createMemoryStore(), plan),
      await ensureTask(alice, store, plan),
      await ensureTask(alice, store, { ...plan, spec: toySpec({ name: 'other' }) }),
      await ensureTask(alice, store, { ...plan, probe: null }),
    ]
    expect(ids).to.deep.equal([1, 2, 3, 4])
    expect(chain.task(4).params.probeRoot).to.equal(null)
  })

  it('is not created when the account cannot pay', async () => {
    const { chain, alice } = setting()
    const rich = { ...plan, terms: { ...plan.terms, pool: 2000n * TOKEN } }
    await expectRejects(() => ensureTask(alice, createMemoryStore(), rich), 'E_FUNDS')
    expect(chain.taskCount()).to.equal(0)
  })
})
