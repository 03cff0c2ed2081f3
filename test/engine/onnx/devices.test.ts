import { expect } from 'chai'
import {
  type Backend,
  checkDevice,
  chooseDevice,
  choosePrecision,
  describeBackends,
  openFailure,
} from '../../../src/engine/onnx/devices.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { listBackends, opensOn } from '../../../src/engine/onnx/session.ts'
import { DEVICES, type Device } from '../../../src/engine/settings.ts'
import { createTfjsEngine } from '../../../src/engine/tfjs/engine.ts'
import type { Precision, TrainingEngine } from '../../../src/types/engine.ts'
import { livelyModel, randomBatch } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

const LINUX: readonly Backend[] = [
  { name: 'cpu', bundled: true },
  { name: 'webgpu', bundled: true },
  { name: 'cuda', bundled: false },
]
const WINDOWS: readonly Backend[] = [
  { name: 'cpu', bundled: true },
  { name: 'dml', bundled: true },
]

describe('devices', () => {
  it('lists what there is, and what its package lacks', () => {
    expect(describeBackends(LINUX)).to.equal('cpu, webgpu, cuda (not in the package)')
    expect(listBackends().map((b) => b.name)).to.include('cpu')
  })

  it('refuses one that this onnxruntime-node does not know: what was asked, what there is, what it needs', async () => {
    for (const { name } of LINUX) checkDevice(name as Device, LINUX)
    await expectRejects(
      () => checkDevice('coreml', LINUX),
      'E_ENGINE',
      /device coreml.*offers cpu, webgpu, cuda \(not in the package\); it needs macOS/,
    )
    await expectRejects(() => checkDevice('cuda', WINDOWS), 'E_ENGINE', /device cuda.*offers cpu, dml; .*install\.js/)
  })

  it('says what a device needs that does not open, and blames the graph on the CPU', () => {
    for (const device of DEVICES) {
      const { code, message } = openFailure(device, new Error('the cause'))
      expect([code, message]).to.satisfy(() => code === 'E_ENGINE' && message.includes('the cause'))
      expect(message.includes(`device ${device}`)).to.equal(device !== 'cpu')
    }
  })

  const cases: readonly (readonly [string, readonly Backend[], readonly Device[], Device, readonly Device[]])[] = [
    ['CUDA where it opens', LINUX, ['cuda', 'cpu'], 'cuda', ['cuda']],
    ['the CPU where CUDA has no library; WebGPU is not tried', LINUX, ['webgpu', 'cpu'], 'cpu', ['cuda']],
    ['DirectML on Windows', WINDOWS, ['dml', 'cpu'], 'dml', ['dml']],
    ['the CPU where there is nothing else', [{ name: 'cpu', bundled: true }], ['cpu'], 'cpu', []],
  ]
  for (const [name, backends, working, expected, tried] of cases) {
    it(`auto takes ${name}`, async () => {
      const asked: Device[] = []
      const opens = async (device: Device): Promise<boolean> => {
        asked.push(device)
        return working.includes(device)
      }
      expect(await chooseDevice('auto', () => backends, opens)).to.equal(expected)
      expect(asked).to.deep.equal(tried)
    })
  }

  it('does not look where a device is named', async () => {
    const never = (): never => expect.fail('nothing is asked')
    for (const device of DEVICES) expect(await chooseDevice(device, never, never)).to.equal(device)
  })

  it("takes float32 on another device than the CPU, unless a precision was named; the machine's choice is the CPU's", async () => {
    const engine = { name: 'test' } as TrainingEngine
    const choice = async (): Promise<Precision> => 'int8'
    expect(await choosePrecision(choice, 'cpu', false, engine, 1)).to.equal('int8')
    for (const device of DEVICES.filter((d) => d !== 'cpu')) {
      expect(await choosePrecision(choice, device, false, engine, 1), device).to.equal('fp32')
      expect(await choosePrecision('int8', device, false, engine, 1), device).to.equal('int8')
      expect(await choosePrecision('int4', device, true, engine, 1), device).to.equal('int4')
    }
    expect(await choosePrecision(choice, 'cpu', true, engine, 1)).to.equal('fp32')
  })

  it('opens on the CPU, and not on what is not there', async () => {
    expect(await opensOn('cpu')).to.equal(true)
    const missing = DEVICES.filter((d) => !listBackends().some((b) => b.name === d))
    expect(missing).to.not.deep.equal([])
    for (const device of missing) expect(await opensOn(device), device).to.equal(false)
  })
})

describe('ONNX engine: devices', () => {
  const model = livelyModel(tinyConfig)
  const missing = DEVICES.find((d) => !listBackends().some((b) => b.name === d)) as Device

  it('fails with a device that is not there, and never goes elsewhere', async () => {
    const engine = createOnnxEngine({ device: missing })
    expect(engine.name).to.equal(`onnx (${missing})`)
    await expectRejects(
      () => engine.openInference({ model, layout: null, threads: 1 }),
      'E_ENGINE',
      new RegExp(`device ${missing}.*offers cpu`),
    )
  })

  it('looks once for auto, and computes on what was found', async () => {
    let looked = 0
    const backends = (): readonly Backend[] => {
      looked++
      return WINDOWS
    }
    const engine = createOnnxEngine({ device: 'auto', probe: { backends, opens: async () => false } })
    for (let i = 0; i < 2; i++) {
      const inference = await engine.openInference({ model, layout: null, threads: 1 })
      expect((await inference.evaluate([randomBatch(tinyConfig)])).loss).to.be.greaterThan(0)
      await inference.close()
    }
    expect([engine.name, looked]).to.deep.equal(['onnx', 1])
  })

  it('is refused by the TensorFlow.js engine for all but the CPU', async () => {
    await expectRejects(() => createTfjsEngine({ device: 'cuda' }), 'E_ARGUMENT', /device cuda.*engine onnx/)
    for (const device of ['cpu', 'auto'] as const) expect(createTfjsEngine({ device }).name).to.equal('tfjs')
  })
})
