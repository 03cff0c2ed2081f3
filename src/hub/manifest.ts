/** What a folder of the library holds, in a file beside the model's own: enough to check every byte later. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { utf8 } from '../base/bytes.ts'
import { isMissing, withDisk } from '../base/disk.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import { writeFileAtomic } from '../base/files.ts'
import { isFileName, isModelName } from './names.ts'

export const MANIFEST_FILE = 'covey.manifest.json'
/** In a folder that is not complete: what will be in it. */
export const PLAN_FILE = 'covey.plan.json'
/** A thousand shards with their digests have 150 KB. */
const MAX_BYTES = 1024 * 1024

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const fileName = z.string().refine(isFileName, 'expected a file name')
const source = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hub'), endpoint: z.string(), id: z.string(), revision: z.string(), commit: z.string() }),
  z.object({ kind: z.literal('folder'), folder: z.string() }),
])
const common = { version: z.literal(1), name: z.string().refine(isModelName, 'expected org/name'), source }
const planShape = z.object({ ...common, files: z.array(z.object({ path: fileName, size: z.int().min(0) })) })
const manifestShape = z.object({
  ...common,
  /** ISO 8601 */
  pulledAt: z.string(),
  model: z.object({ architecture: z.string(), parameters: z.int().min(0), digest }),
  files: z.array(z.object({ path: fileName, size: z.int().min(0), sha256: digest })),
})

/** Where a model came from. */
export type ModelSource = Readonly<z.infer<typeof source>>
export type Plan = Readonly<z.infer<typeof planShape>>
export type Manifest = Readonly<z.infer<typeof manifestShape>>
/** What a model is, as `loadModel` sees it: class name, number of weights, digest of the base. */
export type ModelFacts = Manifest['model']

/** @returns null when there is none @throws CoveyError E_DISK, E_CORRUPT for one that is broken */
export async function readManifest(dir: string): Promise<Manifest | null> {
  return await read(join(dir, MANIFEST_FILE), manifestShape)
}

/** @returns null when there is none @throws CoveyError E_DISK, E_CORRUPT for one that is broken */
export async function readPlan(dir: string): Promise<Plan | null> {
  return await read(join(dir, PLAN_FILE), planShape)
}

/** @throws CoveyError E_DISK */
export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await write(join(dir, MANIFEST_FILE), manifest)
}

/** @throws CoveyError E_DISK */
export async function writePlan(dir: string, plan: Plan): Promise<void> {
  await write(join(dir, PLAN_FILE), plan)
}

async function write(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, [utf8.encode(`${JSON.stringify(value, null, 2)}\n`)])
}

async function read<T>(path: string, shape: z.ZodType<T>): Promise<T | null> {
  const broken = (why: string): CoveyError =>
    new CoveyError('E_CORRUPT', `${path}: ${why}; pull the model again, or remove it with \`covey model rm\``, { path })
  const text = await withDisk(path, async () => {
    try {
      const { size } = await stat(path)
      if (size > MAX_BYTES) throw broken(`expected at most ${MAX_BYTES} bytes, got ${size}`)
      return await readFile(path, 'utf8')
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  })
  if (text === null) return null
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw broken(`expected JSON (${messageOf(cause)})`)
  }
  const parsed = shape.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw broken(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`)
}
