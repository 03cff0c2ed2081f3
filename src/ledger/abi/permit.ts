/** ERC-2612: a signed statement in place of an `approve` transaction. */
import { Signature } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import type { Signer } from '../../types/signer.ts'
import type { Rpc } from '../rpc/rpc.ts'
import { tokenInterface } from './contracts.ts'

/** The statement leaves with the next transaction; an hour outlasts a busy chain. */
const PERMIT_SECONDS = 3_600

/** The last four arguments of `depositWithPermit` and `createTaskWithPermit`. */
export type PermitArgs = readonly [deadline: number, v: number, r: string, s: string]

/**
 * A permit for `spender` to take `amount` of the signer's tokens; null when an allowance is enough already.
 * @param now chain time, unix seconds
 * @throws CoveyError E_RPC | E_CONTRACT
 */
export async function signPermit(
  rpc: Rpc,
  signer: Signer,
  token: Address,
  spender: Address,
  amount: bigint,
  now: number,
): Promise<PermitArgs | null> {
  const read = async (name: string, args: readonly unknown[]): Promise<readonly unknown[]> => {
    const data = tokenInterface.encodeFunctionData(name, args) as Hex
    const answer = await rpc.call({ to: token, data, name })
    try {
      return tokenInterface.decodeFunctionResult(name, answer)
    } catch (cause) {
      throw new CoveyError('E_CONTRACT', `${name}: ${token} is not a token with permit`, { token }, { cause })
    }
  }
  const [allowance] = await read('allowance', [signer.address, spender])
  if ((allowance as bigint) >= amount) return null
  const [[nonce], domain] = await Promise.all([read('nonces', [signer.address]), read('eip712Domain', [])])
  const deadline = now + PERMIT_SECONDS
  const signature = Signature.from(
    await signer.signTypedData({
      domain: {
        name: domain[1] as string,
        version: domain[2] as string,
        chainId: BigInt(rpc.chainId),
        verifyingContract: token,
      },
      types: {
        Permit: [
          { name: 'owner', type: 'address' },
          { name: 'spender', type: 'address' },
          { name: 'value', type: 'uint256' },
          { name: 'nonce', type: 'uint256' },
          { name: 'deadline', type: 'uint256' },
        ],
      },
      value: { owner: signer.address, spender, value: amount, nonce, deadline },
    }),
  )
  return [deadline, signature.v, signature.r, signature.s]
}
