import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { ERROR_PAGE, errorPage } from '../../scripts/error-pages.ts'

describe('docs/errors.md', () => {
  it('is what scripts/error-pages.ts makes of the codes', async () => {
    expect(await readFile(ERROR_PAGE, 'utf8')).to.equal(errorPage())
  })

  it('keeps a bar inside its cell', () => {
    expect(errorPage({ E_X: ['a|b', 'c'] })).to.include('| `E_X` | a\\|b | c |')
  })
})
