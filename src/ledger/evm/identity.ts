/** Who is behind an account: the binding to a peer id, read and written. */

import { getBytes, hexlify, keccak256 } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { Address, Hex, Ledger, NodeMetadata, NodeRecord } from '../../types/ledger.ts'
import { decodeAnswer } from '../abi/answer.ts'
import { type BindingStatement, bindingDigest, bindingTypedData, hexToPeerId, peerIdToHex } from '../abi/binding.ts'
import { registryInterface } from '../abi/contracts.ts'
import { sameMetadata } from '../abi/params.ts'
import type { ChainLink } from './link.ts'

/** A binding is sent at once; an hour outlasts a busy chain. */
const BINDING_SECONDS = 3_600
const ZERO_ADDRESS = `0x${'0'.repeat(40)}`

export type Identity = Pick<Ledger, 'node' | 'nodeOfPeer' | 'metadata' | 'register' | 'setMetadata' | 'exit'>

export function identityOf(link: ChainLink): Identity {
  const { registry } = link.at
  const chainId = BigInt(link.at.chainId)

  async function ask(name: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    const data = registryInterface.encodeFunctionData(name, args) as Hex
    return decodeAnswer(registryInterface, 'registry', name, await link.rpc.call({ to: registry, data, name }))
  }

  async function binding(account: Address): Promise<{ record: NodeRecord | null; nonce: bigint }> {
    const [raw] = (await ask('nodeOf', [account])) as [
      { peerId: Hex; peerSignature: Hex; bindingDigest: Hex; nonce: bigint },
    ]
    const peerId = hexToPeerId(raw.peerId)
    const { peerSignature, bindingDigest: digest, nonce } = raw
    return { record: peerId === null ? null : { account, peerId, peerSignature, bindingDigest: digest }, nonce }
  }

  const node: Ledger['node'] = (account) => link.cached(`node/${account}`, async () => (await binding(account)).record)

  const metadata: Ledger['metadata'] = (account) =>
    link.cached(`metadata/${account}`, async () => {
      const [{ name, url, contact }] = (await ask('metadataOf', [account])) as [NodeMetadata]
      return { name, url, contact }
    })

  return {
    node,
    metadata,
    setMetadata: (said) =>
      link.write(
        registry,
        registryInterface,
        'setMetadata',
        async () => [said.name, said.url, said.contact],
        async () => sameMetadata(said, await metadata(link.account)),
      ),
    exit: () =>
      link.write(
        registry,
        registryInterface,
        'exit',
        async () => [],
        async () => (await node(link.account)) === null,
      ),
    nodeOfPeer: (peerId) =>
      link.cached(`peer/${peerId}`, async () => {
        const [account] = await ask('accountOf', [keccak256(peerIdToHex(peerId))])
        return account === ZERO_ADDRESS ? null : (await binding(account as Address)).record
      }),
    async register(peerId, signPeer) {
      const hex = peerIdToHex(peerId)
      const args = async (): Promise<readonly unknown[]> => {
        const [{ nonce: last }, now] = await Promise.all([binding(link.account), link.time()])
        // the clock as nonce: newer than anything before, also after the account moved here from a lost node
        const nonce = last >= BigInt(now) ? last + 1n : BigInt(now)
        const statement: BindingStatement = { peerId, account: link.account, nonce, expiry: now + BINDING_SECONDS }
        const typed = bindingTypedData(chainId, registry, statement)
        const digest = bindingDigest(chainId, registry, statement)
        const [own, peer] = await Promise.all([link.signer.signTypedData(typed), signPeer(getBytes(digest))])
        if (peer.byteLength !== 64)
          throw new CoveyError('E_KEY', `signPeer: expected an Ed25519 signature of 64 bytes, got ${peer.byteLength}`)
        return [link.account, hex, nonce, statement.expiry, own, hexlify(peer)]
      }
      const stands = async (): Promise<boolean> => (await node(link.account))?.peerId === peerId
      return link.write(registry, registryInterface, 'register', args, stands)
    },
  }
}
