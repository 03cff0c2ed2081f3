/** Accounts: Ethereum keystore files (version 3, as geth and MetaMask read them) and the signers over their keys. */
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { decryptKeystoreJson, encryptKeystoreJson, SigningKey, Wallet } from 'ethers'
import { z } from 'zod'
import { CoveyError, isCoveyError, messageOf } from '../../base/errors.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import type { Signer, TypedData } from '../../types/signer.ts'

/** Work of one password guess, scrypt's N (r = 8): 128 MiB, about a second. For keys that hold real money. */
export const STANDARD_SCRYPT_N = 2 ** 17
/** 4 MiB, some tens of milliseconds: for throw-away keys of a development net, where ten files open at once. */
export const QUICK_SCRYPT_N = 2 ** 12
/** A file that asks for more is refused: 1 GiB of memory is an attack, not a setting. */
const MAX_SCRYPT_N = 2 ** 20
/** A key file has about 500 bytes. */
const MAX_FILE_BYTES = 16_384

/** Only what is checked before the work begins; ethers checks the rest. */
const scryptSection = z.looseObject({
  kdf: z.literal('scrypt'),
  kdfparams: z.looseObject({
    n: z.int().min(2).max(MAX_SCRYPT_N),
    r: z.int().min(1).max(16),
    p: z.int().min(1).max(4),
  }),
})
// geth writes `crypto`, ethers `Crypto`: both are about
const keystore = z.union([
  z.looseObject({ version: z.literal(3), crypto: scryptSection }),
  z.looseObject({ version: z.literal(3), Crypto: scryptSection }),
])

/** A signer whose key is in memory. @throws CoveyError E_KEY when `privateKey` is no secp256k1 key */
export function createMemorySigner(privateKey: Hex): Signer {
  let wallet: Wallet
  try {
    wallet = new Wallet(new SigningKey(privateKey))
  } catch {
    // without the cause: ethers' message might show the key
    throw new CoveyError('E_KEY', 'expected a private key of 32 bytes in hexadecimal with 0x')
  }
  return {
    address: wallet.address as Address,
    async signTypedData({ domain, types, value }: TypedData) {
      return (await wallet.signTypedData(domain, types, value)) as Hex
    },
    async signTransaction(transaction) {
      return (await wallet.signTransaction(transaction)) as Hex
    },
  }
}

/** A private key from the machine's randomness. */
export function generatePrivateKey(): Hex {
  return Wallet.createRandom().privateKey as Hex
}

/**
 * Writes a new key file (mode 0600, synced, never over an existing one) and opens it.
 * @param options.scryptN STANDARD_SCRYPT_N unless given
 * @throws CoveyError E_KEY when the file exists; E_DISK
 */
export async function createAccountFile(
  path: string,
  password: string,
  options: { readonly scryptN?: number; readonly privateKey?: Hex } = {},
): Promise<Signer> {
  const privateKey = options.privateKey ?? generatePrivateKey()
  const signer = createMemorySigner(privateKey)
  if (await stat(path).catch(() => null))
    throw new CoveyError('E_KEY', `${path} exists; a key file is never overwritten`, { path })
  const N = options.scryptN ?? STANDARD_SCRYPT_N
  const json = await encryptKeystoreJson({ address: signer.address, privateKey }, password, {
    scrypt: { N, r: 8, p: 1 },
  })
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(`${path}.tmp`, 'w', 0o600)
    try {
      await file.writeFile(json)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.tmp`, path)
  } catch (cause) {
    throw new CoveyError('E_DISK', `cannot write the key file ${path}: ${messageOf(cause)}`, { path }, { cause })
  }
  return signer
}

/** The signer of a key file. @throws CoveyError E_PASSWORD | E_KEY (missing, broken, another kind) */
export async function openAccountFile(path: string, password: string): Promise<Signer> {
  return createMemorySigner(await readAccountKey(path, password))
}

/** The private key in a key file: for whoever takes it elsewhere. @throws CoveyError E_PASSWORD | E_KEY (missing, broken, another kind) */
export async function readAccountKey(path: string, password: string): Promise<Hex> {
  let text: string
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES)
      throw new CoveyError('E_KEY', `${path} is too large for a key file`, { path })
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (isCoveyError(cause)) throw cause
    throw new CoveyError(
      'E_KEY',
      `no account key at ${path} (${messageOf(cause)}); run \`covey init\``,
      { path },
      { cause },
    )
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    parsed = null
  }
  if (!keystore.safeParse(parsed).success)
    throw new CoveyError('E_KEY', `${path}: expected an Ethereum keystore of version 3 with scrypt`, { path })
  try {
    const { privateKey } = await decryptKeystoreJson(text, password)
    return privateKey as Hex
  } catch (cause) {
    if (/incorrect password/i.test(messageOf(cause)))
      throw new CoveyError('E_PASSWORD', `the password does not open ${path}; give the one that it was made with`, {
        path,
      })
    throw new CoveyError('E_KEY', `${path} is not a readable keystore: ${messageOf(cause)}`, { path }, { cause })
  }
}
