/** Records that think before they answer, through the commands that read them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const RECORDS = Array.from({ length: 12 }, (_, i) =>
  JSON.stringify({ text: `say ${i % 4}`, why: `it is ${i % 4}`, label: `l${i % 4}` }),
)

describe('covey on records that think', () => {
  const tempFolder = useTempFolders()

  it('counts thinking tokens, trains with their weight, measures the answers alone', async () => {
    const dir = await tempFolder()
    const model = await writeTinyModel(join(dir, 'm'))
    const data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.join('\n'))
    const texts = ['--prompt', '{text}:', '--completion', ' {label}', '--thinking', '{why}']
    const shared = [...texts, '--model', model, '--max-tokens', '64', '--json']

    const seen = JSON.parse((await runCli(['data', 'inspect', data, ...shared, '--show', '1'])).stdout)
    expect(seen.thinking.examples).to.equal(12)
    expect(seen.thinking.tokens).to.be.greaterThan(12 * 3)
    expect(seen.thinking.max).to.be.lessThan(seen.tokens.completion.max)
    expect(seen.shown[0].completion).to.equal('<think>\nit is 0\n</think>\n\n l0')

    const steps = ['--steps', '8', '--batch', '4', '--rank', '2', '--threads', '1', '--seed', '3']
    const train = async (weight: string): Promise<{ loss: number; test: Record<'before' | 'after', Measured> }> => {
      const out = join(dir, `adapter-${weight}`)
      const args = ['train', data, ...steps, '--thinking-weight', weight, '--out', out, ...shared]
      const run = await runCli([...args, '--test', test])
      expect(run.stderr).to.equal('')
      return JSON.parse(run.stdout)
    }
    const test = join(dir, 'test.jsonl')
    await writeFile(test, JSON.stringify({ text: 'say 5', why: 'it is 1', label: 'l1' }))
    const [whole, answers] = [await train('1'), await train('0')]
    expect(whole.test.before, 'what is measured does not depend on weights').to.deep.equal(answers.test.before)
    expect(whole.test.before.answers.labels).to.be.lessThan(whole.test.before.labels)
    expect(answers.test.after.answers.loss).to.be.lessThan(answers.test.before.answers.loss)
    expect(whole.test.after.loss).to.be.lessThan(answers.test.after.loss)
  })
})

interface Measured {
  readonly loss: number
  readonly labels: number
  readonly answers: { readonly loss: number; readonly labels: number }
}
