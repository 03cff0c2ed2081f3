/**
 * A peer's identity: an Ed25519 key pair, on disk only under a password. The file is JSON: scrypt (RFC 7914) makes a key out of the
 * password, AES-256-GCM hides the secret, a checksum over all of it tells damage from a wrong password.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateKeyPair, generateKeyPairFromSeed, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { z } from 'zod'
import { utf8 } from '../base/bytes.ts'
import { digestOfJson } from '../base/canonical.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { VerifyPeerSignature } from '../types/transport.ts'

export type PeerKey = Ed25519PrivateKey

/** 32 MiB and about a tenth of a second for each guess (OWASP's floor for scrypt); read back from the file within bounds. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1 } as const
const SCRYPT_MAX_N = 2 ** 20
/** A key file is about 500 bytes; whatever is larger is not one. */
const MAX_FILE_BYTES = 8_192

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))

const keyFile = z.strictObject({
  kind: z.literal('covey-peer-key'),
  version: z.literal(1),
  peerId: z.string().max(80),
  scrypt: z.strictObject({
    N: z.int().min(2).max(SCRYPT_MAX_N),
    r: z.int().min(1).max(16),
    p: z.int().min(1).max(4),
    salt: hex(32),
  }),
  aes256gcm: z.strictObject({ iv: hex(12), tag: hex(16), data: hex(32) }),
  checksum: hex(32),
})
type KeyFile = z.infer<typeof keyFile>

/** A new key from the machine's randomness. */
export function generatePeerKey(): Promise<PeerKey> {
  return generateKeyPair('Ed25519')
}

/** The key of a 32-byte seed: for tests and simulated networks, where every run has the same peers. @throws CoveyError E_KEY */
export async function peerKeyFromSeed(seed: Uint8Array): Promise<PeerKey> {
  if (seed.byteLength !== 32) throw new CoveyError('E_KEY', `peer key seed: expected 32 bytes, got ${seed.byteLength}`)
  return generateKeyPairFromSeed('Ed25519', seed)
}

/** The peer id in its usual text form (`12D3KooW…`). */
export function peerIdOf(key: PeerKey): string {
  return peerIdFromPrivateKey(key).toString()
}

/** The Ed25519 public key that a peer id is made of, 32 bytes; null for ids of another kind. */
export function publicKeyOf(peerId: string): Uint8Array | null {
  try {
    const id = peerIdFromString(peerId)
    return id.type === 'Ed25519' ? id.publicKey.raw : null
  } catch {
    return null
  }
}

/** Checks an Ed25519 signature against the public key inside the peer id. False, never a throw, for ids of another kind. */
export const verifyPeerSignature: VerifyPeerSignature = async (peerId, bytes, signature) => {
  try {
    const id = peerIdFromString(peerId)
    return id.type === 'Ed25519' && (await id.publicKey.verify(bytes, signature))
  } catch {
    return false
  }
}

/**
 * Writes a key file, mode 0600, whole or not at all. An existing file is never overwritten: a lost peer key is a lost identity.
 * @throws CoveyError E_KEY when the file exists, E_DISK
 */
export async function savePeerKey(path: string, key: PeerKey, password: string): Promise<void> {
  const salt = randomBytes(32)
  const iv = randomBytes(12)
  const peerId = peerIdOf(key)
  const cipher = createCipheriv('aes-256-gcm', await stretch(password, salt, SCRYPT), iv)
  cipher.setAAD(utf8.encode(peerId))
  // raw = secret (32) and public (32); the public half follows from the secret
  const data = Buffer.concat([cipher.update(key.raw.subarray(0, 32)), cipher.final()])
  const body = {
    kind: 'covey-peer-key',
    version: 1,
    peerId,
    scrypt: { ...SCRYPT, salt: salt.toString('hex') },
    aes256gcm: { iv: iv.toString('hex'), tag: cipher.getAuthTag().toString('hex'), data: data.toString('hex') },
  } as const
  const text = `${JSON.stringify({ ...body, checksum: digestOfJson(body) }, null, 2)}\n`
  if (await exists(path))
    throw new CoveyError('E_KEY', `${path}: a key file is already there; remove it to make a new identity`, { path })
  try {
    await writeWhole(path, text)
  } catch (cause) {
    throw new CoveyError('E_DISK', `could not write the key file ${path}: ${messageOf(cause)}`, { path }, { cause })
  }
}

/** Opens a key file. @throws CoveyError E_KEY when there is none, E_CORRUPT when it is damaged, E_PASSWORD, E_DISK */
export async function loadPeerKey(path: string, password: string): Promise<PeerKey> {
  const file = await readKeyFile(path)
  const { N, r, p, salt } = file.scrypt
  const { iv, tag, data } = file.aes256gcm
  const key = await stretch(password, Buffer.from(salt, 'hex'), { N, r, p })
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'hex'))
  decipher.setAAD(utf8.encode(file.peerId))
  decipher.setAuthTag(Buffer.from(tag, 'hex'))
  let seed: Buffer
  try {
    seed = Buffer.concat([decipher.update(Buffer.from(data, 'hex')), decipher.final()])
  } catch (cause) {
    throw new CoveyError('E_PASSWORD', `${path}: this password does not open the key file`, { path }, { cause })
  }
  const opened = await peerKeyFromSeed(seed)
  if (peerIdOf(opened) !== file.peerId) throw damaged(path, 'the key is not that of its peer id')
  // libp2p's own reader checks that both halves fit together
  return privateKeyFromRaw(opened.raw) as PeerKey
}

async function readKeyFile(path: string): Promise<KeyFile> {
  let text: string
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES) throw damaged(path, `expected at most ${MAX_FILE_BYTES} bytes, got ${size}`)
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause
    if (hasCode(cause, 'ENOENT'))
      throw new CoveyError('E_KEY', `${path}: no key file; run \`covey init\``, { path }, { cause })
    throw new CoveyError('E_DISK', `could not read the key file ${path}: ${messageOf(cause)}`, { path }, { cause })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw damaged(path, messageOf(cause))
  }
  const parsed = keyFile.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw damaged(path, `${issue?.path.join('.') || 'shape'}: ${issue?.message}`)
  }
  const { checksum, ...body } = parsed.data
  if (digestOfJson(body) !== checksum) throw damaged(path, 'its checksum does not fit')
  return parsed.data
}

function damaged(path: string, why: string): CoveyError {
  return new CoveyError(
    'E_CORRUPT',
    `${path}: the key file is damaged (${why}); restore it from a copy, or remove it and run \`covey init\``,
    { path },
  )
}

function stretch(password: string, salt: Uint8Array, cost: { N: number; r: number; p: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // scrypt needs 128·N·r bytes
    scrypt(password.normalize('NFKC'), salt, 32, { ...cost, maxmem: 160 * cost.N * cost.r }, (error, key) => {
      if (error === null) resolve(key)
      else
        reject(
          new CoveyError(
            'E_CORRUPT',
            `key file: scrypt refuses its parameters: ${error.message}`,
            { ...cost },
            { cause: error },
          ),
        )
    })
  })
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw new CoveyError('E_DISK', `could not look at ${path}: ${messageOf(error)}`, { path }, { cause: error })
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
