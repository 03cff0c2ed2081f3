import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { envName, loadConfig, required } from '../../cli/config.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const messageFrom = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (isCoveyError(error, 'E_CONFIG')) return error.message
    throw error
  }
  throw new Error('no error came')
}

describe('CLI settings', () => {
  const tempFolder = useTempFolders()

  it('rank flags over the environment over covey.json, and know where each came from', async () => {
    const dir = await tempFolder()
    const written = { port: 1, host: 'a', model: 'm', listen: ['/ip4/127.0.0.1/tcp/1'], mdns: true }
    await writeFile(join(dir, 'covey.json'), JSON.stringify(written))
    const env = { COVEY_PORT: '2', COVEY_HOST: 'b', COVEY_LOG_LEVEL: 'warn', COVEY_BOOTSTRAP: 'x, y' }
    const { settings, sources } = loadConfig({ dir, env, flags: { port: 3, host: null } })
    expect(settings).to.deep.equal({
      port: 3,
      host: 'b',
      model: 'm',
      listen: ['/ip4/127.0.0.1/tcp/1'],
      mdns: true,
      logLevel: 'warn',
      bootstrap: ['x', 'y'],
    })
    expect(sources).to.include({ port: '--port', host: 'COVEY_HOST', model: join(dir, 'covey.json') })
  })

  const wrong: [name: string, env: Record<string, string>, flags: Record<string, unknown>, message: RegExp][] = [
    ['a port from the environment', { COVEY_PORT: '70000' }, {}, /setting port \(from COVEY_PORT\).*"70000"/],
    ['a level that is none', { COVEY_LOG_LEVEL: 'loud' }, {}, /setting logLevel \(from COVEY_LOG_LEVEL\)/],
    ['an RPC that is no URL', {}, { rpc: 'localhost' }, /setting rpc \(from --rpc\): expected an http/],
    [
      'a second RPC that is no URL',
      { COVEY_RPC: 'http://a,b' },
      {},
      /setting rpc \(from COVEY_RPC\): expected an http/,
    ],
    ['an engine', { COVEY_ENGINE: 'torch' }, {}, /setting engine \(from COVEY_ENGINE\).*"onnx"\|"tfjs"; got "torch"/],
    ['a switch', { COVEY_MDNS: 'perhaps' }, {}, /setting mdns \(from COVEY_MDNS\)/],
  ]
  for (const [name, env, flags, message] of wrong) {
    it(`refuse ${name}, naming it and its source`, () => {
      expect(messageFrom(() => loadConfig({ dir: '/nowhere', env, flags }))).to.match(message)
    })
  }

  it('never print a token', () => {
    expect(messageFrom(() => loadConfig({ dir: '/nowhere', env: { COVEY_TOKEN: 'hush' }, flags: {} }))).not.to.include(
      'hush',
    )
  })

  it('refuse a covey.json that is broken or has unknown settings', async () => {
    const dir = await tempFolder()
    const load = (): unknown => loadConfig({ dir, env: {}, flags: {} })
    await writeFile(join(dir, 'covey.json'), '{')
    expect(messageFrom(load)).to.include('expected JSON')
    await writeFile(join(dir, 'covey.json'), '[]')
    expect(messageFrom(load)).to.include('expected a JSON object')
    await writeFile(join(dir, 'covey.json'), '{"prot": 1}')
    expect(messageFrom(load)).to.match(/unknown setting "prot"; known: .*port/)
  })

  it('say all three ways to give what is missing', () => {
    const config = loadConfig({ dir: '/nowhere', env: {}, flags: {} })
    expect(messageFrom(() => required(config, 'rpc'))).to.match(/--rpc, COVEY_RPC or "rpc" in .*covey\.json/)
    expect(envName('logLevel')).to.equal('COVEY_LOG_LEVEL')
  })
})
