import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { sha256 } from '../../src/base/bytes.ts'
import { listModels } from '../../src/hub/library.ts'
import { placesOf } from '../../src/hub/places.ts'
import { ID, WEIGHTS, weightsPart, wholeRepo } from '../support/hub-fixtures.ts'
import { HubServer } from '../support/hub-server.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const CHILD = fileURLToPath(new URL('./pull-child.ts', import.meta.url))

describe('a pull that is killed', () => {
  const tempFolder = useTempFolders()
  const children: ChildProcessWithoutNullStreams[] = []
  let server: HubServer
  beforeEach(async () => {
    server = await HubServer.start()
    server.repos.set(ID, wholeRepo())
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await server.stop()
  })

  function start(models: string): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, server.url, models])
    children.push(child)
    return child
  }

  it('goes on where it was, and nothing that it had comes again', async () => {
    const models = await tempFolder()
    const files = server.repos.get(ID)?.files ?? {}
    const weights = files[WEIGHTS] as Uint8Array
    const texts = Object.values(files).reduce((n, f) => n + f.byteLength, 0) - weights.byteLength
    server.trouble(WEIGHTS, { kind: 'stall', after: 250_000 })
    const first = start(models)
    const ended = new Promise((resolve) => first.once('close', (_code, signal) => resolve(signal)))
    for await (const line of createInterface({ input: first.stdout })) {
      // everything but the last 150,000 bytes is there
      if (Number(line) === texts + 250_000) first.kill('SIGKILL')
    }
    expect(await ended).to.equal('SIGKILL')
    const { folder, lock } = placesOf(models, ID)
    expect((await stat(weightsPart(models))).size).to.equal(250_000)
    expect(await readdir(lock), 'the lock of the dead').to.have.length(1)
    expect(existsSync(folder)).to.equal(false)
    const total = texts + weights.byteLength
    const entry = (await listModels(models))[0]
    expect(entry).to.include({ name: ID, state: 'partial', totalBytes: total })

    server.sent.clear()
    const second = start(models)
    const lines: string[] = []
    for await (const line of createInterface({ input: second.stdout })) lines.push(line)
    expect(lines.at(-1)).to.equal('pulled 150000')
    expect([...server.sent]).to.deep.equal([[WEIGHTS, 150_000]])
    expect(server.ranges(WEIGHTS)).to.deep.equal([null, 'bytes=250000-'])
    expect(sha256(await readFile(join(folder, WEIGHTS)))).to.equal(sha256(weights))
    expect(await readdir(lock)).to.deep.equal([])
  })
})
