import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { isCoveyError } from '../../src/base/errors.ts'
import {
  generatePeerKey,
  loadPeerKey,
  type PeerKey,
  peerIdOf,
  peerKeyFromSeed,
  publicKeyOf,
  savePeerKey,
  verifyPeerSignature,
} from '../../src/transport/peer-key.ts'
import { failure } from './blobs.ts'

describe('peer key', () => {
  let dir: string
  let path: string
  let key: PeerKey

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'covey-peer-key-'))
    path = join(dir, 'keys', 'peer.json')
    key = await generatePeerKey()
    await savePeerKey(path, key, 'correct horse')
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('comes back from its file with the password', async () => {
    const loaded = await loadPeerKey(path, 'correct horse')
    expect(peerIdOf(loaded)).to.equal(peerIdOf(key))
    expect(loaded.raw).to.deep.equal(key.raw)
    const bytes = Uint8Array.of(5)
    expect(await verifyPeerSignature(peerIdOf(key), bytes, await loaded.sign(bytes))).to.equal(true)
  })

  it('is readable for its owner only, in one file, and not in clear', async () => {
    expect((await stat(path)).mode & 0o777).to.equal(0o600)
    expect(await readdir(join(dir, 'keys'))).to.deep.equal(['peer.json'])
    const secret = Buffer.from(key.raw.subarray(0, 32))
    const text = await readFile(path)
    expect(text.includes(secret)).to.equal(false)
    expect(text.toString().toLowerCase()).to.not.include(secret.toString('hex'))
    expect(text.toString()).to.not.include(secret.toString('base64'))
  })

  it('stays shut for another password', async () => {
    for (const wrong of ['', 'Correct horse', 'correct horse ']) {
      expect(isCoveyError(await failure(loadPeerKey(path, wrong)), 'E_PASSWORD')).to.equal(true)
    }
  })

  it('takes the same password in either Unicode form', async () => {
    const other = join(dir, 'unicode.json')
    await savePeerKey(other, key, 'caf\u00e9')
    expect(peerIdOf(await loadPeerKey(other, 'cafe\u0301'))).to.equal(peerIdOf(key))
  })

  it('tells a damaged file from a wrong password', async () => {
    const text = await readFile(path, 'utf8')
    const damaged = join(dir, 'damaged.json')
    const data = /"data": "(.)/.exec(text)
    const flipped = text.replace(/"data": "./, `"data": "${data?.[1] === '0' ? '1' : '0'}`)
    for (const bad of [
      '',
      '{}',
      text.slice(0, -40),
      flipped,
      text.replace('"N": 32768', '"N": 1073741824'),
      'x'.repeat(9_000),
    ]) {
      await writeFile(damaged, bad)
      expect(
        isCoveyError(await failure(loadPeerKey(damaged, 'correct horse')), 'E_CORRUPT'),
        bad.slice(0, 60),
      ).to.equal(true)
    }
  })

  it('is missing with E_KEY and never overwritten', async () => {
    expect(isCoveyError(await failure(loadPeerKey(join(dir, 'none.json'), 'x')), 'E_KEY')).to.equal(true)
    const before = await readFile(path)
    expect(isCoveyError(await failure(savePeerKey(path, await generatePeerKey(), 'x')), 'E_KEY')).to.equal(true)
    expect(await readFile(path)).to.deep.equal(before)
  })

  it('cannot be written where there is no folder: E_DISK', async () => {
    expect(isCoveyError(await failure(savePeerKey(join(path, 'below', 'peer.json'), key, 'x')), 'E_DISK')).to.equal(
      true,
    )
  })

  it('of a seed is the same in every run', async () => {
    // RFC 8032, 7.1, test 1: the public key of this secret
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const made = await peerKeyFromSeed(seed)
    expect(Buffer.from(made.publicKey.raw).toString('hex')).to.equal(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    )
    expect(isCoveyError(await failure(peerKeyFromSeed(new Uint8Array(31))), 'E_KEY')).to.equal(true)
  })

  it('has its public half in its peer id', async () => {
    const key = await peerKeyFromSeed(new Uint8Array(32).fill(3))
    expect(publicKeyOf(peerIdOf(key))).to.deep.equal(key.publicKey.raw)
    for (const id of ['', 'nobody', 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC'])
      expect(publicKeyOf(id)).to.equal(null)
  })

  it('verifies nothing for an id that is none', async () => {
    const bytes = Uint8Array.of(1)
    const signature = await key.sign(bytes)
    for (const id of ['', 'nonsense', 'QmNPubsDWATVngE3d5WDSNe7eVrFLuk38qb9t6vdLnu2aK']) {
      expect(await verifyPeerSignature(id, bytes, signature)).to.equal(false)
    }
    expect(await verifyPeerSignature(peerIdOf(key), bytes, new Uint8Array(3))).to.equal(false)
  })
})
