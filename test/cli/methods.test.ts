/** Methods beside LoRA through the whole command: trained, measured, exported. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { runCli } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const RECORDS = Array.from({ length: 16 }, (_, i) => JSON.stringify({ text: `say ${i % 4}`, label: `l${i % 4}` }))
const METHODS: [method: string, flags: string[], merged: boolean][] = [
  ['dora', ['--rank', '2'], true],
  ['ia3', [], true],
  ['qlora', ['--rank', '2'], true],
  ['selective', ['--module', 'down_proj', '--layer', '1'], true],
  ['prompt', ['--virtual-tokens', '4'], false],
  ['pfeiffer', ['--width', '4'], false],
]

describe('covey train --method', () => {
  const tempFolder = useTempFolders()

  for (const [method, flags, merged] of METHODS) {
    it(`${method}: trains, measures, exports`, async () => {
      const dir = await tempFolder()
      const model = await writeTinyModel(join(dir, 'm'))
      const data = join(dir, 'data.jsonl')
      await writeFile(data, RECORDS.join('\n'))
      const adapter = join(dir, 'adapter')
      const common = ['--prompt', '{text}:', '--completion', ' {label}', '--model', model, '--max-tokens', '32']
      const shared = [...common, '--threads', '1', '--json']
      const run = await runCli([
        'train',
        data,
        '--method',
        method,
        ...flags,
        '--steps',
        '8',
        '--batch',
        '4',
        '--out',
        adapter,
        ...shared,
      ])
      expect(run.stderr).to.equal('')
      const trained = JSON.parse(run.stdout)
      expect(trained.method).to.equal(method)
      const measured = JSON.parse((await runCli(['eval', data, '--adapter', adapter, ...shared])).stdout)
      expect(measured.adapterDigest).to.equal(trained.adapterDigest)
      expect(measured.adapted.loss).to.be.lessThan(measured.base.loss)

      const chat = ['chat', 'say 1:', '--raw', '--model', model, '--adapter', adapter, '--max-tokens', '3', '--json']
      const answer = JSON.parse((await runCli([...chat, '--threads', '1'])).stdout)
      expect(answer).to.include({ adapterDigest: trained.adapterDigest })
      expect(answer.tokens).to.be.greaterThan(0)

      const out = join(dir, 'merged')
      const exported = JSON.parse(
        (await runCli(['export', '--model', model, '--adapter', adapter, '--out', out, '--dtype', 'F32', '--json']))
          .stdout,
      )
      if (!merged) {
        expect(exported.error.code).to.equal('E_ADAPTER')
        expect(exported.error.message).to.include('cannot be merged')
        expect(existsSync(out)).to.equal(false)
        return
      }
      const folded = JSON.parse((await runCli(['eval', data, ...common.with(5, out), '--json'])).stdout)
      expect(folded.base.loss).to.be.closeTo(measured.adapted.loss, 1e-4)
    })
  }

  it('goes on with an adapter by the method that it was trained with only', async () => {
    const dir = await tempFolder()
    const model = await writeTinyModel(join(dir, 'm'))
    const data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.join('\n'))
    const adapter = join(dir, 'adapter')
    const common = ['--prompt', '{text}:', '--completion', ' {label}', '--model', model, '--max-tokens', '32']
    const train = [
      'train',
      data,
      ...common,
      '--steps',
      '2',
      '--batch',
      '4',
      '--threads',
      '1',
      '--json',
      '--out',
      adapter,
    ]
    await runCli([...train, '--method', 'houlsby', '--width', '4'])
    const again = JSON.parse((await runCli([...train, '--method', 'houlsby', '--adapter', adapter])).stdout)
    expect(again.method).to.equal('houlsby')
    const other = JSON.parse((await runCli([...train, '--method', 'dora', '--adapter', adapter])).stdout)
    expect(other.error.code).to.equal('E_CONFIG')
    expect(other.error.message).to.include('expected --method houlsby or pfeiffer')
  })
})
