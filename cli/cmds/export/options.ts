import { oneOf, option, text } from '../../command.ts'
import { adapterOption, dirOption, modelOption } from '../../common.ts'

export const exportOptions = {
  dir: dirOption,
  model: modelOption,
  adapter: adapterOption,
  format: option(
    '--format <kind>',
    'peft: the adapter alone | merged: a whole model with the adapter in its weights',
    oneOf('peft', 'merged'),
    'merged',
  ),
  dtype: option('--dtype <type>', 'of the merged weights', oneOf('BF16', 'F32'), 'BF16'),
  out: option('--out <folder>', 'where to write', text, 'export'),
}
