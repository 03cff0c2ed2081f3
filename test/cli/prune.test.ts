import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadModel } from '../../src/model/folder/load.ts'
import { runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { tinyConfig } from '../support/tiny-config.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const RECORDS = Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: `say ${i}`, label: `l${i % 4}` }))

describe('covey prune', () => {
  const tempFolder = useTempFolders()
  const prepared = async () => {
    const dir = await tempFolder()
    const model = await writeTinyModel(join(dir, 'm'), { ...tinyConfig, layers: 3 })
    const data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.join('\n'))
    const out = join(dir, 'out')
    const trained = ['--data', data, '--prompt', '{text}:', '--completion', ' {label}', '--max-tokens', '32']
    const common = ['prune', model, '--out', out, '--dir', dir, '--threads', '1', '--precision', 'fp32']
    return { out, model, trained: [...common, ...trained, '--steps', '4', '--batch', '4'], common }
  }

  it('cuts, trains, measures and writes, by layers and by weights', async () => {
    const { out, trained } = await prepared()
    const byLayers = await runCli([...trained, '--layers', '2', '--json'])
    expect(byLayers.code, byLayers.stderr).to.equal(0)
    const report = JSON.parse(byLayers.stdout)
    expect(report).to.include({ layersBefore: 3, layersAfter: 2, trainingSteps: 4 })
    for (const stage of ['before', 'pruned', 'recovered'])
      expect(report[stage].quality, stage).to.include.keys('loss', 'exactMatch', 'readTokensPerSecond')
    expect(report.before.quality.examples).to.equal(4)
    const written = await loadModel(out)
    expect([written.config.layers, written.digest]).to.deep.equal([2, report.digest])

    const sparse = `${out}-sparse`
    const byWeights = await runCli([
      ...trained,
      '--out',
      sparse,
      '--sparsity',
      '0.5',
      '--method',
      'full',
      '--rounds',
      '2',
    ])
    expect(byWeights.code, byWeights.stderr).to.equal(0)
    expect(byWeights.stdout)
      .to.match(/pruned: .*% of them not 0; loss/)
      .and.match(/putting zeros back: loss/)
    expect((await loadModel(sparse)).config.layers).to.equal(3)
  })

  it('says what is missing or wrong, and writes nothing', async () => {
    const { out, common, model } = await prepared()
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [[], 1, /one of --sparsity, --drop-layers and --layers, got 0/],
      [['--sparsity', '0.5', '--layers', '2'], 1, /got 2/],
      [['--layers', '2'], 1, /--layers measures.*--data/],
      [['--drop-layers', '1,x'], 1, /numbers as in 4,7, got "x"/],
      [['--drop-layers', '7'], 1, /from 0 to 2, got 7/],
      [['--sparsity', '2'], 2, /from 0.01 to 0.95/],
      [['--drop-layers', '1', '--out', model], 1, /is there already/],
    ]
    for (const [flags, code, message] of cases) {
      const run = await runCli([...common, ...flags])
      expect([run.code, run.stderr], flags.join(' ')).to.satisfy(() => run.code === code && message.test(run.stderr))
    }
    expect(existsSync(out)).to.equal(false)
  })
})
