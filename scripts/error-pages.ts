/**
 * Writes docs/errors.md from ERROR_CODES: `node scripts/error-pages.ts`. A test holds that the page is up to date.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ERROR_CODES } from '../src/base/errors.ts'

/** Where the page lies. */
export const ERROR_PAGE = join(import.meta.dirname, '../docs/errors.md')

/** The page: every code, in the order of src/base/errors.ts. */
export function errorPage(
  codes: Readonly<Record<string, readonly [meaning: string, remedy: string]>> = ERROR_CODES,
): string {
  // a bar would end the cell
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const rows = Object.entries(codes).map(
    ([code, [meaning, remedy]]) => `| \`${code}\` | ${cell(meaning)} | ${cell(remedy)} |`,
  )
  return `# Errors

<!-- made by scripts/error-pages.ts from src/base/errors.ts; do not edit -->

Every error that Covey raises on purpose carries one of these codes. Its message says what was expected, what came and what to do;
\`--json\` output and the log have the code and the data behind it.

| code | meaning | what to do |
|---|---|---|
${rows.join('\n')}
`
}

if (import.meta.main) await writeFile(ERROR_PAGE, errorPage())
