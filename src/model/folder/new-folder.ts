/** A model folder that is made from another one: it appears under its name when it is whole. */
import { randomBytes } from 'node:crypto'
import { constants, copyFile, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { diskFailure, isMissing, withDisk } from '../../base/disk.ts'
import { CoveyError } from '../../base/errors.ts'
import { syncFolder } from '../../base/files.ts'

/** Beside the weights: what belongs to the tokenizer and to generation, and the terms under which a model may be used. */
const COMPANIONS: ReadonlySet<string> = new Set([
  'added_tokens.json',
  'chat_template.jinja',
  'generation_config.json',
  'merges.txt',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'vocab.json',
])
const TERMS = /^(README|LICEN[CS]E|NOTICE|COPYING|USE_POLICY)([.-][A-Za-z0-9_.-]*)?$/i

/**
 * @param from whose tokenizer and terms go along
 * @param out must not exist
 * @param fill writes weights and config.json into the folder that it is given, which becomes `out` afterwards
 * @throws CoveyError E_ARGUMENT | E_DISK; what `fill` throws comes through, and nothing is left behind
 */
export async function newModelFolder<T>(from: string, out: string, fill: (dir: string) => Promise<T>): Promise<T> {
  const target = resolve(out)
  await refuseExisting(target)
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`
  await withDisk(temporary, () => mkdir(temporary, { recursive: true }))
  try {
    await copyCompanions(from, temporary)
    const made = await fill(temporary)
    await refuseExisting(target)
    await withDisk(target, async () => {
      await rename(temporary, target)
      await syncFolder(dirname(target))
    })
    return made
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}

/** @throws CoveyError E_ARGUMENT when there is something of this name */
export async function refuseExisting(target: string): Promise<void> {
  try {
    await lstat(target)
  } catch (error) {
    if (isMissing(error)) return
    throw diskFailure(error, target)
  }
  const message = `${target} is there already: expected a folder that does not exist yet`
  throw new CoveyError('E_ARGUMENT', message, { out: target })
}

async function copyCompanions(from: string, to: string): Promise<void> {
  const names = (await withDisk(from, () => readdir(from, { withFileTypes: true })))
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => COMPANIONS.has(name) || TERMS.test(name))
  for (const name of names) {
    const path = join(to, name)
    await withDisk(path, async () => {
      await copyFile(join(from, name), path, constants.COPYFILE_EXCL)
      const file = await open(path, 'r')
      await file.sync().finally(() => file.close())
    })
  }
}
