import { expect } from 'chai'
import fc from 'fast-check'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import {
  type ArenaSpec,
  arenaSpecDigest,
  decodeArenaSpec,
  encodeArenaSpec,
  parseArenaSpec,
} from '../../src/wire/arena-spec.ts'
import { expectThrows } from '../support/expect-error.ts'

const SPEC: ArenaSpec = {
  version: 1,
  kind: 'arena',
  name: 'intents',
  model: { name: 'covey-nano', digest: 'ab'.repeat(32) },
  maxTokens: 128,
  data: { prompt: 'Utterance: {text}\nIntent:', completion: ' {intent}' },
}

describe('arena spec', () => {
  it('is its canonical bytes, whose sha256 is on chain', () => {
    const bytes = encodeArenaSpec(SPEC)
    expect(decodeArenaSpec(bytes)).to.deep.equal(SPEC)
    expect(arenaSpecDigest(SPEC)).to.equal(sha256(bytes))
  })

  it('refuses unknown fields, other spellings and too many bytes', () => {
    expectThrows(() => parseArenaSpec({ ...SPEC, extra: 1 }), 'E_SPEC')
    expectThrows(() => parseArenaSpec({ ...SPEC, kind: 'alliance' }), 'E_SPEC')
    expectThrows(() => decodeArenaSpec(utf8.encode(JSON.stringify(SPEC, null, 2))), 'E_SPEC')
    expectThrows(() => decodeArenaSpec(new Uint8Array(70_000)), 'E_SPEC')
  })

  it('whatever bytes come: a spec or E_SPEC', () => {
    const json = fc.json().map((text) => utf8.encode(text))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), json), (bytes) => {
        expectThrows(() => decodeArenaSpec(bytes), 'E_SPEC')
      }),
      { seed: 71, numRuns: 300 },
    )
  })
})
