import { expect } from 'chai'
import fc from 'fast-check'
import { CoveyError, type ErrorCode } from '../../../src/base/errors.ts'
import { readQuantization, writeQuantization } from '../../../src/model/folder/quantization-config.ts'

type Json = Record<string, unknown>

const given = (change: Json = {}, group: Json = {}, weights: Json = {}): Json => ({
  quantization_config: {
    quant_method: 'compressed-tensors',
    format: 'pack-quantized',
    quantization_status: 'compressed',
    config_groups: {
      group_0: {
        targets: ['Linear'],
        weights: { num_bits: 4, type: 'int', symmetric: true, strategy: 'group', group_size: 128, ...weights },
        ...group,
      },
    },
    ...change,
  },
})

describe('quantization_config', () => {
  it('is not there in an ordinary folder', () => {
    expect(readQuantization({})).to.equal(null)
    expect(readQuantization({ quantization_config: null })).to.equal(null)
  })

  it('is read back as it was written', () => {
    expect(readQuantization({ quantization_config: writeQuantization(4, ['lm_head']) })).to.deep.equal([
      { bits: 4, packed: true, group: 32 },
    ])
    expect(readQuantization({ quantization_config: writeQuantization(8, []) })).to.deep.equal([
      { bits: 8, packed: true, group: 'output' },
    ])
  })

  it('of llm-compressor’s W8A8 and W4A16 presets, as those are published', () => {
    const activations = { num_bits: 8, type: 'int', symmetric: true, strategy: 'token', dynamic: true, observer: null }
    const w8a8 = given(
      { format: 'int-quantized' },
      { input_activations: activations },
      { num_bits: 8, strategy: 'channel', group_size: null },
    )
    expect(readQuantization(w8a8)).to.deep.equal([{ bits: 8, packed: false, group: 'output' }])
    expect(
      readQuantization(given({ sparsity_config: {}, transform_config: {} }, { input_activations: null })),
    ).to.deep.equal([{ bits: 4, packed: true, group: 128 }])
  })

  it('infers a strategy as the format does', () => {
    const scheme = (weights: Json) => readQuantization(given({}, {}, { strategy: null, ...weights }))?.[0]?.group
    expect(scheme({ group_size: 64 })).to.equal(64)
    expect(scheme({ group_size: -1 })).to.equal('output')
    expect(scheme({ group_size: null })).to.equal('matrix')
  })

  it('takes a format from the group before the folder’s', () => {
    const mixed = given(
      { format: 'mixed-precision' },
      { format: 'int-quantized' },
      { num_bits: 8, strategy: 'channel', group_size: null },
    )
    expect(readQuantization(mixed)).to.deep.equal([{ bits: 8, packed: false, group: 'output' }])
  })

  const refused: [name: string, json: Json, code: ErrorCode, message: RegExp][] = [
    [
      'another method',
      given({ quant_method: 'gptq' }),
      'E_MODEL_ARCHITECTURE',
      /quant_method is "gptq", expected compressed-tensors/,
    ],
    ['no method', given({ quant_method: undefined }), 'E_MODEL_FILE', /quant_method/],
    ['a list', { quantization_config: [] }, 'E_MODEL_FILE', /expected an object/],
    ['floating point', given({}, {}, { type: 'float' }), 'E_MODEL_ARCHITECTURE', /of type float, expected int/],
    ['a format of others', given({ format: 'marlin-24' }), 'E_MODEL_ARCHITECTURE', /format is marlin-24/],
    [
      '4 bits in int8',
      given({ format: 'int-quantized' }),
      'E_MODEL_ARCHITECTURE',
      /4 bits in int-quantized, expected 8/,
    ],
    ['3 bits', given({}, {}, { num_bits: 3 }), 'E_MODEL_ARCHITECTURE', /3 bits in pack-quantized, expected 8 or 4/],
    ['zero points', given({}, {}, { symmetric: false }), 'E_MODEL_ARCHITECTURE', /not symmetric/],
    ['inputs in another order', given({}, {}, { actorder: 'group' }), 'E_MODEL_ARCHITECTURE', /actorder is "group"/],
    ['blocks', given({}, {}, { strategy: 'block' }), 'E_MODEL_ARCHITECTURE', /strategy is block/],
    ['groups without a size', given({}, {}, { group_size: null }), 'E_MODEL_ARCHITECTURE', /group_size is not given/],
    ['groups too large to be', given({}, {}, { group_size: 1e9 }), 'E_MODEL_FILE', /group_size/],
    [
      'fixed scales of activations',
      given({}, { input_activations: { dynamic: false } }),
      'E_MODEL_ARCHITECTURE',
      /fixed scales/,
    ],
    ['rounded results', given({}, { output_activations: {} }), 'E_MODEL_ARCHITECTURE', /what layers give/],
    ['no weights', given({}, { weights: null }), 'E_MODEL_ARCHITECTURE', /has no weights/],
    [
      'weights that are still whole',
      given({ quantization_status: 'frozen' }),
      'E_MODEL_ARCHITECTURE',
      /frozen, expected compressed/,
    ],
    ['a rounded cache', given({ kv_cache_scheme: { num_bits: 8 } }), 'E_MODEL_ARCHITECTURE', /kv_cache_scheme/],
    [
      'sparse weights',
      given({ sparsity_config: { format: 'sparse-24-bitmask' } }),
      'E_MODEL_ARCHITECTURE',
      /sparse-24/,
    ],
    ['rotations', given({ transform_config: { config_groups: {} } }), 'E_MODEL_ARCHITECTURE', /transform_config/],
    ['no groups', given({ config_groups: {} }), 'E_MODEL_FILE', /expected 1 to 64 groups, got 0/],
  ]
  for (const [name, json, code, message] of refused) {
    it(`is refused for ${name}`, () => {
      expect(() => readQuantization(json))
        .to.throw(CoveyError, message)
        .with.property('code', code)
    })
  }

  it('is read, or refused with a code of Covey’s, whatever it holds', () => {
    const keys = [
      'quant_method',
      'format',
      'config_groups',
      'quantization_status',
      'sparsity_config',
      'group_0',
      'weights',
      'num_bits',
      'group_size',
      'strategy',
    ]
    fc.assert(
      fc.property(fc.object({ key: fc.constantFrom(...keys), maxDepth: 4 }), (value) => {
        try {
          readQuantization({ quantization_config: { quant_method: 'compressed-tensors', ...value } })
        } catch (error) {
          expect(error).to.be.instanceOf(CoveyError)
        }
      }),
    )
  })
})
