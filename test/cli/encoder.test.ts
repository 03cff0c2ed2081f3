/** An encoder through the whole command: trained on texts with a class, measured, and not asked to write. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { writeEncoderFolder } from '../support/encoder-folder.ts'
import { runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const GOOD = ['good', 'fine']
const records = (start: string, end = ''): string =>
  [...GOOD, 'bad', 'dull']
    .map((word) => ({ prompt: `${start} ${word}${end}`, completion: GOOD.includes(word) ? 'POSITIVE' : 'NEGATIVE' }))
    .map((record) => JSON.stringify(record))
    .join('\n')

describe('covey with an encoder', function () {
  this.timeout(60_000)
  const folder = useTempFolders()

  it('trains a classifier, and its exact match is the share of right classes', async () => {
    const dir = await folder()
    const model = await writeEncoderFolder(join(dir, 'model'), 'DistilBERT, classes')
    const [data, heldOut, out] = ['data.jsonl', 'test.jsonl', 'adapter'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(data, [records('the film was'), records('a very'), records('the film was very')].join('\n'))
    await writeFile(heldOut, records('the film was very', ' .'))
    const train = ['train', data, '--model', model, '--out', out, '--test', heldOut, '--max-tokens', '32', '--json']
    const trained = await runCli([
      ...train,
      '--steps',
      '120',
      '--batch',
      '8',
      '--rank',
      '8',
      '--learning-rate',
      '0.005',
    ])
    expect(trained.stderr).to.equal('')
    expect(trained.code).to.equal(0)
    const { test } = JSON.parse(trained.stdout)
    expect(test.before).to.include({ examples: 4, labels: 4 })
    expect(test.after.exactMatch).to.equal(1)
    expect(test.after.loss).to.be.below(test.before.loss / 2)
  })

  it('says that an encoder does not write', async () => {
    const model = await writeEncoderFolder(await folder(), 'DistilBERT, masked')
    const run = await runCli(['chat', '--model', model, '--json', 'good'], { input: 'good\n' })
    expect(run.code).to.not.equal(0)
    expect(`${run.stdout}${run.stderr}`).to.match(/chat template|encoder/)
  })
})
