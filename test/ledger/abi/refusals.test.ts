import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { AbiCoder, type ErrorFragment, Interface, type ParamType } from 'ethers'
import { REFUSALS } from '../../../src/ledger/abi/refusals.ts'
import { revert, revertOf } from '../../../src/ledger/abi/revert.ts'

const GENERATED = join(import.meta.dirname, '../../../src/ledger/generated')

/** Every custom error of every contract that there are bindings of. */
async function customErrors(): Promise<ReadonlyMap<string, ErrorFragment>> {
  const found = new Map<string, ErrorFragment>()
  for (const file of readdirSync(GENERATED)) {
    const { abi } = (await import(join(GENERATED, file))) as { abi: readonly { readonly type: string }[] }
    new Interface(abi.filter(({ type }) => type === 'error')).forEachError((error) => found.set(error.name, error))
  }
  return found
}

/** Some value of a Solidity type. */
function some(type: ParamType): unknown {
  if (type.baseType === 'array') return []
  if (type.baseType === 'string') return 'x'
  if (type.baseType === 'bool') return true
  if (type.baseType === 'address') return `0x${'11'.repeat(20)}`
  if (type.baseType === 'bytes') return '0x1234'
  if (type.baseType.startsWith('bytes')) return `0x${'22'.repeat(Number(type.baseType.slice(5)))}`
  return 1
}

describe('refusals', () => {
  it('has a meaning and a remedy for every custom error of the contracts, and decodes it', async () => {
    const errors = await customErrors()
    expect(errors.size).to.be.greaterThan(60)
    for (const [name, error] of errors) {
      const types = error.inputs.map((input) => input.format())
      const data = error.selector + AbiCoder.defaultAbiCoder().encode(types, error.inputs.map(some)).slice(2)
      const thrown = revertOf(data, 'probe')
      expect(thrown.data.name, name).to.equal(name)
      const [meaning, remedy] = REFUSALS[name] ?? ['', '']
      expect(meaning, name).to.match(/^\S.{8,}[^.]$/)
      expect(remedy, name).to.match(/^\S.{5,}[^.]$/)
      expect(thrown.message, name).to.contain(meaning).and.contain(name)
      expect(thrown.data.remedy, name).to.equal(remedy)
    }
  })

  it('has none that no contract raises', async () => {
    const errors = await customErrors()
    expect(Object.keys(REFUSALS).filter((name) => !errors.has(name))).to.deep.equal([])
  })

  it('says amounts in tokens and times as dates, and keeps what came in its data', () => {
    const args = { stake: 40n * 10n ** 18n, amount: 41n * 10n ** 18n }
    const error = revert('InsufficientStake', args, 'requestWithdraw')
    expect(error.message).to.contain('stake 40 COVEY, amount 41 COVEY')
    expect(error.data.args).to.equal(args)
    expect(revert('StillUnbonding', { unbondsAt: 1_800_000_000n }).message).to.contain('2027-01-15T08:00:00Z')
    // "all" is no date and no amount that anyone reads
    expect(revert('NotCancellable', { from: 2n ** 256n - 1n }).message).to.contain(String(2n ** 256n - 1n))
  })
})
