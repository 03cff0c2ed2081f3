import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cliEnv } from '../support/run-cli.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const BIN = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url))
const RECORDS = Array.from({ length: 64 }, (_, i) => JSON.stringify({ prompt: `say ${i}`, completion: ` ${i % 7}` }))

describe('Ctrl-C', () => {
  const tempFolder = useTempFolders()

  it('cancels a training inside a step, once, and says so', async () => {
    const dir = await tempFolder()
    const data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.join('\n'))
    const out = join(dir, 'adapter')
    const model = await writeTinyModel(join(dir, 'm'))
    const settings = ['--model', model, '--dir', dir, '--precision', 'fp32', '--threads', '1', '--max-tokens', '32']
    // it would run for hours
    const args = ['train', data, ...settings, '--batch', '4096', '--steps', '1000000', '--out', out]
    const child = spawn(process.execPath, [BIN, ...args], { env: cliEnv() })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const closed = once(child, 'close')
    // the line that it prints before the first step
    await once(child.stdout.setEncoding('utf8'), 'data')
    await new Promise((resolve) => setTimeout(resolve, 1000))
    child.kill('SIGINT')
    const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null]
    // by the signal where a native call was still running
    expect([code, signal]).to.be.deep.oneOf([
      [1, null],
      [null, 'SIGINT'],
      [130, null],
    ])
    expect(stderr).to.include('E_ABORTED')
    expect(existsSync(out)).to.equal(false)
  })
})
