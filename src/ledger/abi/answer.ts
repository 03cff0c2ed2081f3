/** What a contract answers to a view, decoded. It comes from an RPC and an address that somebody typed: nothing in it is believed. */
import type { Interface, Result } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { Hex } from '../../types/ledger.ts'

/** @param whose for the message: `vault`. @throws CoveyError E_CONTRACT when the bytes are not what that view returns */
export function decodeAnswer(contract: Interface, whose: string, view: string, data: Hex): Result {
  try {
    return contract.decodeFunctionResult(view, data)
  } catch (cause) {
    const message = `${view}: the answer is not what our ${whose} gives; check the addresses file`
    throw new CoveyError('E_CONTRACT', message, {}, { cause })
  }
}

/** The name that a contract's enum has at `index`. @throws CoveyError E_CONTRACT */
export function oneOf<T>(list: readonly T[], index: bigint, name: string): T {
  const value = list[Number(index)]
  if (value === undefined) throw new CoveyError('E_CONTRACT', `${name}: expected 0 to ${list.length - 1}, got ${index}`)
  return value
}
