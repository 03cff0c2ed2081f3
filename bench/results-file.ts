/** Where a bench's figures are kept: docs/results/KIND/NAME.json, of which scripts/measurements.ts makes docs/measurements.md. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const DOCS = join(import.meta.dirname, '../docs')
const RESULTS = join(DOCS, 'results')

/** Writes what `--write NAME` asks for; nothing without a name. */
export function writeResult(kind: string, name: string | undefined, result: object): void {
  if (name === undefined) return
  const path = join(RESULTS, kind, `${name}.json`)
  mkdirSync(dirname(path), { recursive: true })
  // whole or not at all: a long run that writes after each step may be stopped at any moment
  writeFileSync(`${path}.part`, `${JSON.stringify(result)}\n`)
  renameSync(`${path}.part`, path)
}

/** @returns what `writeResult` wrote before under this name; null when nothing */
export function readResult<T>(kind: string, name: string): T | null {
  const path = join(RESULTS, kind, `${name}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : null
}

/** All that is kept of a kind by its name, in the names' order; none when there is no such folder. Kind '': recorded quickstarts. */
export function readResults<T>(kind: string): (readonly [name: string, result: T])[] {
  const dir = join(RESULTS, kind)
  if (!existsSync(dir)) return []
  // by name, not by file: `-` stands before the dot of an extension
  const names = readdirSync(dir).flatMap((file) => (file.endsWith('.json') ? [file.replace(/\.json$/, '')] : []))
  return names.sort().map((name) => [name, JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8')) as T])
}

/** A picture beside the pages that show it: docs/NAME.svg. */
export function writePicture(name: string, svg: string): void {
  writeFileSync(join(DOCS, `${name}.svg`), svg)
}

/** What was asked for, without how it was to be printed and where it was to be kept. */
export function askedFor(args: readonly string[] = process.argv.slice(2)): readonly string[] {
  return args.filter((arg) => arg !== '--json')
}
