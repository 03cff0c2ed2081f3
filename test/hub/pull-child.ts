/** A process that pulls a model and says how far it is: kill.test.ts kills it. */
import { pullModel } from '../../src/hub/pull.ts'
import { anyModel, ID } from '../support/hub-fixtures.ts'

const [endpoint = '', models = ''] = process.argv.slice(2)
const { fresh } = await pullModel({
  repository: { endpoint, id: ID, revision: 'main' },
  token: null,
  models,
  name: ID,
  checks: anyModel,
  onProgress: ({ done }) => console.log(done),
})
console.log(`pulled ${fresh}`)
process.exit(0)
