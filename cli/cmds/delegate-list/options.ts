import { flag } from '../../command.ts'
import { readOptions } from '../../common.ts'
export const delegateListOptions = {
  ...readOptions,
  all: flag('--all', 'also those that take no new delegations, or have no room left'),
}
