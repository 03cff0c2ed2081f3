/** Teachers in folders: opened beside the student, checked, measured. */
import { existsSync } from 'node:fs'
import { checkSameVocabulary, type Teacher } from '../../../node/distill/teachers.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { packForEvaluation } from '../../../src/data/batches.ts'
import { loadTokenizer } from '../../../src/data/tokenizer.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import type { TokenizedExample } from '../../../src/types/data.ts'
import type { EvalResult } from '../../../src/types/engine.ts'
import { libraryFolders, resolveModel } from '../../library.ts'
import type { Student } from '../train/student.ts'

export interface LocalTeacher extends Teacher {
  readonly digest: string
}

/** `DIR=2`: a folder and its weight in the average, unless a folder is called so. @throws CoveyError E_CONFIG */
function parseTeacher(value: string): { readonly folder: string; readonly weight: number } {
  const [, folder, number] = /^(.+)=([0-9.]+)$/.exec(value) ?? []
  if (folder === undefined || existsSync(value)) return { folder: value, weight: 1 }
  const weight = Number(number)
  if (weight > 0 && Number.isFinite(weight)) return { folder, weight }
  throw new CoveyError('E_CONFIG', `--teacher ${value}: expected a weight above 0 behind the =, got ${number}`)
}

/** Opens all or none. @throws CoveyError E_CONFIG | E_TOKENIZER | E_MODEL_FILE | E_MODEL_SHAPE | E_ENGINE | E_ABORTED */
export async function openTeachers(
  values: readonly string[],
  student: Student,
  signal: AbortSignal,
): Promise<LocalTeacher[]> {
  const { config, engine, threads, training } = student
  const opened: LocalTeacher[] = []
  try {
    for (const value of values) {
      const { folder, weight } = parseTeacher(value)
      const dir = resolveModel(folder, libraryFolders(config))
      const [model, tokenizer] = [await loadModel(dir, signal), await loadTokenizer(dir)]
      checkSameVocabulary(
        { tokenizer: student.tokenizer, config: student.model.config },
        { tokenizer, config: model.config },
        folder,
      )
      if (training.maxTokens > model.config.maxPositions) {
        const message = `--max-tokens: expected at most ${model.config.maxPositions} (the context of the teacher ${folder}), got ${training.maxTokens}`
        throw new CoveyError('E_CONFIG', message)
      }
      const inference = await engine.openInference({ model, layout: null, threads })
      opened.push({ name: model.name, digest: model.digest, config: model.config, inference, weight })
    }
    return opened
  } catch (error) {
    for (const { inference } of opened) await inference.close()
    throw error
  }
}

/** What a teacher makes of the test set itself; null where there is none. @throws CoveyError E_ENGINE | E_ABORTED */
export async function measureTeacher(
  { inference }: LocalTeacher,
  test: readonly TokenizedExample[] | null,
  maxTokens: number,
  signal: AbortSignal,
): Promise<EvalResult | null> {
  if (test === null || test.length === 0) return null
  return inference.evaluate(packForEvaluation(test, maxTokens), signal)
}
