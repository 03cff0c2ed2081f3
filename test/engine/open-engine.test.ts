import { expect } from 'chai'
import { DEFAULT_ENGINE, ENGINE_NAMES, openEngine } from '../../src/engine/open-engine.ts'
import { expectRejects } from '../support/expect-error.ts'

describe('engines by name', () => {
  it('opens each that it lists', async () => {
    expect(ENGINE_NAMES).to.include(DEFAULT_ENGINE)
    for (const name of ENGINE_NAMES) expect((await openEngine(name)).name).to.equal(name)
  })

  it('refuses another, with the list', async () => {
    for (const name of ['torch', '', 'constructor'])
      await expectRejects(() => openEngine(name), 'E_ARGUMENT', /expected onnx or tfjs, got/)
  })
})
