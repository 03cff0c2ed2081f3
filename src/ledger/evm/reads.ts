/** Views in one call each, answered once a block. */
import type { Ledger } from '../../types/ledger.ts'
import { decodeAccount, decodeRound, decodeTask } from '../abi/views.ts'
import type { ChainLink } from './link.ts'
import { VaultReader } from './vault-reader.ts'

export type Reads = Pick<
  Ledger,
  'task' | 'tasks' | 'round' | 'accountView' | 'unbondings' | 'delegations' | 'operator' | 'operators' | 'isEnrolled'
>

export function readsOf(link: ChainLink): Reads {
  const vault = new VaultReader(link.rpc, link.at.vault)
  const task: Ledger['task'] = (id) =>
    link.cached(`task/${id}`, async () => decodeTask(await link.view('taskView', [id])))
  return {
    task,
    async tasks() {
      const count = Number(await link.view('taskCount', []))
      return Promise.all(Array.from({ length: count }, (_, i) => task(i + 1)))
    },
    round: (id, round) =>
      link.cached(`round/${id}/${round}`, async () => decodeRound(await link.view('roundView', [id, round]))),
    accountView: (account) =>
      link.cached(`account/${account}`, async () => {
        const [view, gas] = await Promise.all([link.view('accountView', [account]), link.rpc.balance(account)])
        return decodeAccount(view, account, gas)
      }),
    unbondings: (account) => link.cached(`unbondings/${account}`, () => vault.unbondings(account)),
    delegations: (account) => link.cached(`delegations/${account}`, () => vault.delegations(account)),
    operator: (account) => link.cached(`operator/${account}`, () => vault.operator(account)),
    operators: () => link.cached('operators', () => vault.operators()),
    isEnrolled: (id, account) =>
      link.cached(`enrolled/${id}/${account}`, async () => BigInt(await link.view('isEnrolled', [id, account])) === 1n),
  }
}
