/** Where a bench's figures are kept: docs/results/KIND/NAME.json, of which scripts/measurements.ts makes docs/measurements.md. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const RESULTS = join(import.meta.dirname, '../docs/results')

/** Writes what `--write NAME` asks for; nothing without a name. */
export function writeResult(kind: string, name: string | undefined, result: object): void {
  if (name === undefined) return
  mkdirSync(join(RESULTS, kind), { recursive: true })
  const path = join(RESULTS, kind, `${name}.json`)
  // whole or not at all: a long run that writes after each step may be stopped at any moment
  writeFileSync(`${path}.part`, `${JSON.stringify(result)}\n`)
  renameSync(`${path}.part`, path)
}

/** @returns what `writeResult` wrote before under this name; null when nothing */
export function readResult<T>(kind: string, name: string): T | null {
  const path = join(RESULTS, kind, `${name}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : null
}

/** What was asked for, without how it was to be printed and where it was to be kept. */
export function askedFor(args: readonly string[] = process.argv.slice(2)): readonly string[] {
  return args.filter((arg) => arg !== '--json')
}
