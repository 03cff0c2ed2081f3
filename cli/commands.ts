/** Every command of `covey`, in the order of its help. */
import { bench } from './cmds/bench/index.ts'
import { chainUp } from './cmds/chain-up/index.ts'
import { chat } from './cmds/chat/index.ts'
import { coordinatorStart } from './cmds/coordinator-start/index.ts'
import { dataInspect } from './cmds/data-inspect/index.ts'
import { delegateClaim } from './cmds/delegate-claim/index.ts'
import { delegateClose } from './cmds/delegate-close/index.ts'
import { delegateCommission } from './cmds/delegate-commission/index.ts'
import { delegateList } from './cmds/delegate-list/index.ts'
import { delegateShow } from './cmds/delegate-show/index.ts'
import { delegateTo } from './cmds/delegate-to/index.ts'
import { delegateUndelegate } from './cmds/delegate-undelegate/index.ts'
import { distill } from './cmds/distill/index.ts'
import { doctor } from './cmds/doctor/index.ts'
import { emissionsClaim } from './cmds/emissions-claim/index.ts'
import { emissionsDeploy } from './cmds/emissions-deploy/index.ts'
import { emissionsDirect } from './cmds/emissions-direct/index.ts'
import { emissionsLock } from './cmds/emissions-lock/index.ts'
import { emissionsOpen } from './cmds/emissions-open/index.ts'
import { emissionsPull } from './cmds/emissions-pull/index.ts'
import { emissionsShow } from './cmds/emissions-show/index.ts'
import { emissionsUnlock } from './cmds/emissions-unlock/index.ts'
import { emissionsWithdraw } from './cmds/emissions-withdraw/index.ts'
import { evaluate } from './cmds/eval/index.ts'
import { exportModel } from './cmds/export/index.ts'
import { init } from './cmds/init/index.ts'
import { modelList } from './cmds/model-list/index.ts'
import { modelPull } from './cmds/model-pull/index.ts'
import { modelQuantize } from './cmds/model-quantize/index.ts'
import { modelRm } from './cmds/model-rm/index.ts'
import { modelVerify } from './cmds/model-verify/index.ts'
import { nodeStart } from './cmds/node-start/index.ts'
import { prune } from './cmds/prune/index.ts'
import { quickstart } from './cmds/quickstart/index.ts'
import { rewardsClaim } from './cmds/rewards-claim/index.ts'
import { rewardsShow } from './cmds/rewards-show/index.ts'
import { serve } from './cmds/serve/index.ts'
import { stakeDeposit } from './cmds/stake-deposit/index.ts'
import { stakeShow } from './cmds/stake-show/index.ts'
import { stakeWithdraw } from './cmds/stake-withdraw/index.ts'
import { taskCreate } from './cmds/task-create/index.ts'
import { taskList } from './cmds/task-list/index.ts'
import { taskShow } from './cmds/task-show/index.ts'
import { train } from './cmds/train/index.ts'
import type { CliCommand } from './command.ts'

export const COMMANDS: readonly CliCommand[] = [
  quickstart,
  init,
  doctor,
  bench,
  modelPull,
  modelList,
  modelVerify,
  modelQuantize,
  modelRm,
  dataInspect,
  train,
  distill,
  evaluate,
  chat,
  serve,
  prune,
  exportModel,
  stakeDeposit,
  stakeWithdraw,
  stakeShow,
  delegateTo,
  delegateUndelegate,
  delegateShow,
  delegateList,
  delegateClaim,
  delegateCommission,
  delegateClose,
  rewardsShow,
  rewardsClaim,
  emissionsShow,
  emissionsLock,
  emissionsDirect,
  emissionsUnlock,
  emissionsWithdraw,
  emissionsPull,
  emissionsClaim,
  emissionsDeploy,
  emissionsOpen,
  taskCreate,
  taskList,
  taskShow,
  nodeStart,
  coordinatorStart,
  chainUp,
]
