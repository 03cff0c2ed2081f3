import { readFile, rename, writeFile } from 'node:fs/promises'
import { CoveyError, isCoveyError, messageOf } from '../src/base/errors.ts'
import { type Deployment, parseDeployment } from '../src/ledger/abi/contracts.ts'

/** The contracts' addresses, as a deployment wrote them down. @throws CoveyError E_CONFIG */
export async function readAddresses(file: string): Promise<Deployment> {
  try {
    return parseDeployment(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    if (isCoveyError(cause)) throw cause
    throw new CoveyError(
      'E_CONFIG',
      `${file}: expected a readable JSON file of addresses: ${messageOf(cause)}; copy the coordinator's`,
      { file },
      { cause },
    )
  }
}

/** Puts a deployment where it is read from, whole or not at all. @throws CoveyError E_DISK */
export async function writeAddresses(file: string, deployment: Deployment): Promise<void> {
  const next = `${file}.tmp`
  try {
    await writeFile(next, `${JSON.stringify(deployment, null, 2)}\n`)
    await rename(next, file)
  } catch (cause) {
    throw new CoveyError('E_DISK', `${file}: could not be written: ${messageOf(cause)}`, { file }, { cause })
  }
}
