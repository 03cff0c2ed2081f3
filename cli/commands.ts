/** Every command of `covey`, in the order of its help. */
import { arenaBoard } from './cmds/arena-board/index.ts'
import { arenaCancel } from './cmds/arena-cancel/index.ts'
import { arenaClaim } from './cmds/arena-claim/index.ts'
import { arenaCreate } from './cmds/arena-create/index.ts'
import { arenaEnter } from './cmds/arena-enter/index.ts'
import { arenaKeep } from './cmds/arena-keep/index.ts'
import { arenaLeave } from './cmds/arena-leave/index.ts'
import { arenaList } from './cmds/arena-list/index.ts'
import { arenaServe } from './cmds/arena-serve/index.ts'
import { arenaShow } from './cmds/arena-show/index.ts'
import { arenaSubmit } from './cmds/arena-submit/index.ts'
import { arenaValidate } from './cmds/arena-validate/index.ts'
import { bench } from './cmds/bench/index.ts'
import { chainDeploy } from './cmds/chain-deploy/index.ts'
import { chainUp } from './cmds/chain-up/index.ts'
import { chainVerify } from './cmds/chain-verify/index.ts'
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
import { emissionsExplain } from './cmds/emissions-explain/index.ts'
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
import { registryExit } from './cmds/registry-exit/index.ts'
import { registryRotate } from './cmds/registry-rotate/index.ts'
import { registrySet } from './cmds/registry-set/index.ts'
import { registryShow } from './cmds/registry-show/index.ts'
import { rewardsClaim } from './cmds/rewards-claim/index.ts'
import { rewardsExplain } from './cmds/rewards-explain/index.ts'
import { rewardsShow } from './cmds/rewards-show/index.ts'
import { serve } from './cmds/serve/index.ts'
import { stakeDeposit } from './cmds/stake-deposit/index.ts'
import { stakeHistory } from './cmds/stake-history/index.ts'
import { stakeShow } from './cmds/stake-show/index.ts'
import { stakeWithdraw } from './cmds/stake-withdraw/index.ts'
import { taskAudit } from './cmds/task-audit/index.ts'
import { taskCancel } from './cmds/task-cancel/index.ts'
import { taskCreate } from './cmds/task-create/index.ts'
import { taskList } from './cmds/task-list/index.ts'
import { taskShow } from './cmds/task-show/index.ts'
import { taskWatch } from './cmds/task-watch/index.ts'
import { train } from './cmds/train/index.ts'
import { walletAddress } from './cmds/wallet-address/index.ts'
import { walletBalance } from './cmds/wallet-balance/index.ts'
import { walletExport } from './cmds/wallet-export/index.ts'
import { walletImport } from './cmds/wallet-import/index.ts'
import { walletNew } from './cmds/wallet-new/index.ts'
import { walletSend } from './cmds/wallet-send/index.ts'
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
  walletNew,
  walletImport,
  walletExport,
  walletAddress,
  walletBalance,
  walletSend,
  stakeDeposit,
  stakeWithdraw,
  stakeShow,
  stakeHistory,
  delegateTo,
  delegateUndelegate,
  delegateShow,
  delegateList,
  delegateClaim,
  delegateCommission,
  delegateClose,
  registryShow,
  registrySet,
  registryRotate,
  registryExit,
  rewardsShow,
  rewardsClaim,
  rewardsExplain,
  emissionsShow,
  emissionsLock,
  emissionsDirect,
  emissionsUnlock,
  emissionsWithdraw,
  emissionsPull,
  emissionsClaim,
  emissionsExplain,
  emissionsDeploy,
  emissionsOpen,
  taskCreate,
  taskList,
  taskShow,
  taskWatch,
  taskAudit,
  taskCancel,
  arenaCreate,
  arenaList,
  arenaShow,
  arenaBoard,
  arenaEnter,
  arenaLeave,
  arenaSubmit,
  arenaValidate,
  arenaServe,
  arenaKeep,
  arenaClaim,
  arenaCancel,
  nodeStart,
  coordinatorStart,
  chainUp,
  chainDeploy,
  chainVerify,
]
