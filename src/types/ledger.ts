/** Seam: the chain, as a node sees it. Real: ethers on any EVM. Twin: the same rules in memory. Rules: docs/settlement.md. */

export type Hex = `0x${string}`
/** EIP-55 */
export type Address = Hex

/** The steps of one round, in order. `idle`: no round is open. */
export const PHASES = ['idle', 'train', 'reveal', 'probe', 'score', 'tally'] as const
export type Phase = (typeof PHASES)[number]

/** Scores are losses in units of 1/SCORE_SCALE nat, clipped to ±SCORE_CLIP; SCORE_ABSENT says "no usable delta". */
export const SCORE_SCALE = 10_000
export const SCORE_CLIP = 32_767
export const SCORE_ABSENT = -32_768

/** A task's money and thresholds; scores in units of 1/SCORE_SCALE nat, shares in 1/10,000. */
export interface TaskParams {
  readonly specDigest: string
  readonly baseDigest: string
  /** Merkle root over (round, slice digest); null = no probe */
  readonly probeRoot: Hex | null
  /** wei, escrowed at creation */
  readonly pool: bigint
  readonly rounds: number
  readonly proposers: number
  readonly voters: number
  /** own stake below which an enrolled node gets no seat, wei */
  readonly minStake: bigint
  readonly seconds: {
    readonly train: number
    readonly reveal: number
    readonly probe: number
    readonly score: number
    readonly tally: number
  }
  readonly rules: SettlementRules
}

export interface SettlementRules {
  /** a median below −max(this, spread·excludeSpreadBps) is left out */
  readonly excludeBelow: number
  readonly excludeSpreadBps: number
  /** a median below −max(this, spread·slashSpreadBps) is slashed */
  readonly slashBelow: number
  readonly slashSpreadBps: number
  /** a private marginal below −this is a veto */
  readonly vetoBelow: number
  /** mean distance from the medians at which a voter still agrees */
  readonly tolerance: number
  /** part of a round's reward that goes to voters */
  readonly voterBps: number
  /** part of the proposers' reward that is shared equally by the included */
  readonly equalBps: number
  /** part of the stake lost for a harmful delta or a lying vote */
  readonly slashBps: number
  /** part of the stake lost for a commit without reveal, or an unavailable delta */
  readonly faultBps: number
}

export type TaskStatus = 'open' | 'running' | 'finished' | 'cancelled'

export interface TaskView {
  readonly id: number
  readonly creator: Address
  readonly params: TaskParams
  readonly status: TaskStatus
  /** 1-based number of the round that is open or was last settled; 0 before the first */
  readonly round: number
  readonly phase: Phase
  /** when the phase may be ended by anyone, unix seconds; 0 when idle */
  readonly deadline: number
  readonly poolLeft: bigint
  readonly enrolled: number
}

export type ProposerOutcome =
  | 'included'
  /** never committed */
  | 'silent'
  /** committed, not revealed */
  | 'unrevealed'
  /** started from another global adapter than the network holds */
  | 'other-base'
  /** most voters could not get a usable delta */
  | 'absent'
  | 'excluded'
  | 'vetoed'
  | 'slashed'
export type VoterOutcome = 'agreed' | 'silent' | 'unrevealed' | 'apart' | 'slashed'

export interface ProposerSeat {
  readonly account: Address
  /** own and delegated stake at the draw, wei */
  readonly weight: bigint
  /** null = not committed, or revealed: on chain what is revealed takes its place */
  readonly commitment: Hex | null
  readonly reveal: { readonly digest: string; readonly size: number; readonly baseDigest: string } | null
}

export interface VoterSeat {
  readonly account: Address
  readonly weight: bigint
  /** as a proposer's */
  readonly commitment: Hex | null
  readonly scores: Scores | null
}

/** One voter's scores, in the order of the proposers' seats. */
export interface Scores {
  readonly probe: readonly number[]
  readonly private: readonly number[]
  /** incumbent global adapter against its predecessor; positive = the incumbent is better */
  readonly incumbentProbe: number
  readonly incumbentPrivate: number
}

export interface Settlement {
  readonly proposers: readonly {
    readonly outcome: ProposerOutcome
    readonly median: number
    readonly paid: bigint
    readonly slashBps: number
  }[]
  readonly voters: readonly { readonly outcome: VoterOutcome; readonly paid: bigint; readonly slashBps: number }[]
  /** digest of the global adapter that the round's proposers started from, by stake; null when nobody revealed */
  readonly agreedBase: string | null
  readonly incumbentMedian: number
  /** the incumbent was worse than its predecessor and is dropped */
  readonly rolledBack: boolean
}

export interface RoundView {
  readonly task: number
  readonly round: number
  readonly phase: Phase
  readonly deadline: number
  readonly proposers: readonly ProposerSeat[]
  readonly voters: readonly VoterSeat[]
  readonly probe: { readonly digest: string; readonly size: number } | null
  /** null until settled */
  readonly settlement: Settlement | null
}

export interface NodeRecord {
  readonly account: Address
  readonly peerId: string
  /** the peer's Ed25519 signature over the binding's EIP-712 digest; check before trusting the pair */
  readonly peerSignature: Hex
  /** EIP-712 digest that it signed */
  readonly bindingDigest: Hex
}

/** What an operator says of itself. A stranger's text: nobody has checked it. */
export interface NodeMetadata {
  /** at most 64 bytes of UTF-8 */
  readonly name: string
  /** at most 128 */
  readonly url: string
  /** at most 128 */
  readonly contact: string
}

export interface AccountView {
  readonly account: Address
  readonly wallet: bigint
  readonly gas: bigint
  /** own, wei */
  readonly stake: bigint
  /** own stake and delegations, wei */
  readonly unbonding: bigint
  /** when the last of it is free, unix seconds; 0 = nothing is unbonding */
  readonly unbondsAt: number
  readonly claimable: bigint
  /** rewards ever credited, without what went to delegators, wei */
  readonly earned: bigint
  /** ever burnt for the account's faults, what was delegated to it included, wei */
  readonly slashed: bigint
}

/** An account to which stake can be delegated. */
export interface OperatorView {
  readonly account: Address
  /** its own, wei */
  readonly stake: bigint
  /** by others, wei */
  readonly delegated: bigint
  /** most that may be delegated, wei */
  readonly capacity: bigint
  /** part of the delegators' reward that it keeps, 1/10,000 */
  readonly commissionBps: number
  /** an announced raise, from this unix second on */
  readonly next: { readonly commissionBps: number; readonly from: number } | null
  /** takes new delegations */
  readonly open: boolean
}

/** What one account delegates to one operator. */
export interface DelegationView {
  readonly operator: Address
  /** what the shares are worth now, wei */
  readonly amount: bigint
  readonly shares: bigint
  /** to be claimed, wei */
  readonly rewards: bigint
}

/** Stake on its way out. */
export interface UnbondingView {
  /** for whose faults it can still be slashed */
  readonly operator: Address
  /** wei */
  readonly amount: bigint
  /** unix seconds */
  readonly unbondsAt: number
}

export interface TxReceipt {
  readonly hash: Hex
  readonly block: number
  readonly gasUsed: bigint
}

export interface DeltaReveal {
  readonly digest: string
  readonly size: number
  readonly baseDigest: string
  readonly salt: Hex
}

/**
 * Writes resolve when the transaction is in a block and throw E_REVERT with the contract's reason; a write whose effect
 * stands already (same commitment, same reveal, already joined) resolves with null instead of sending again.
 */
export interface Ledger {
  readonly account: Address
  readonly chainId: number
  start(): Promise<void>
  stop(): Promise<void>
  /** the chain's clock, unix seconds */
  time(): Promise<number>
  task(id: number): Promise<TaskView>
  tasks(): Promise<readonly TaskView[]>
  round(task: number, round: number): Promise<RoundView>
  accountView(account: Address): Promise<AccountView>
  /** what an account has unbonding, soonest first */
  unbondings(account: Address): Promise<readonly UnbondingView[]>
  delegations(account: Address): Promise<readonly DelegationView[]>
  /** an account as others may delegate to it; its `open` is false when it never asked for that */
  operator(account: Address): Promise<OperatorView>
  /** accounts that ever opened themselves to delegations */
  operators(): Promise<readonly OperatorView[]>
  node(account: Address): Promise<NodeRecord | null>
  nodeOfPeer(peerId: string): Promise<NodeRecord | null>
  /** empty texts when the account has said nothing */
  metadata(account: Address): Promise<NodeMetadata>
  isEnrolled(task: number, account: Address): Promise<boolean>
  /**
   * Called after any change of a task that this ledger has seen; returns how to stop.
   * @param listener its `takenBack` is true when a reorganisation took something back that had been seen
   */
  onChange(listener: (task: number, takenBack?: boolean) => void): () => void
  /** gas used by this account's transactions so far, by function name */
  gasSpent(): Readonly<Record<string, { readonly calls: number; readonly gas: bigint }>>

  /**
   * binds the account to a peer id, in place of an earlier one, which is refused from then on; `signPeer` signs the binding's
   * digest with the peer's key
   */
  register(peerId: string, signPeer: (digest: Uint8Array) => Promise<Uint8Array>): Promise<TxReceipt | null>
  /** what the account, which is registered, says of itself; null when it says so already */
  setMetadata(metadata: NodeMetadata): Promise<TxReceipt | null>
  /** takes the binding away for good; only with nothing at stake and nothing unbonding. Null when there is none */
  exit(): Promise<TxReceipt | null>
  deposit(amount: bigint): Promise<TxReceipt>
  requestWithdraw(amount: bigint): Promise<TxReceipt>
  /** pays out all that has finished unbonding, own stake and delegations */
  withdraw(): Promise<TxReceipt>
  /** opens the account to delegations, or changes its commission (1/10,000): down at once, up after an unbonding period */
  setCommission(commissionBps: number): Promise<TxReceipt>
  /** takes no new delegations */
  closeDelegation(): Promise<TxReceipt>
  /** @param mostCommissionBps refused above this; the operator's present commission (or announced one) unless given */
  delegate(operator: Address, amount: bigint, mostCommissionBps?: number): Promise<TxReceipt>
  /** @param amount wei; null = all */
  undelegate(operator: Address, amount: bigint | null): Promise<TxReceipt>
  /** pays what was earned by delegating to one operator */
  claimDelegation(operator: Address): Promise<TxReceipt>
  transfer(to: Address, amount: bigint): Promise<TxReceipt>
  createTask(params: TaskParams): Promise<number>
  /** adds to a task's pool; of what is left in the end, the part that others than the creator put in is burnt */
  fundTask(task: number, amount: bigint): Promise<TxReceipt>
  cancelTask(task: number): Promise<TxReceipt>
  join(task: number): Promise<TxReceipt | null>
  leave(task: number): Promise<TxReceipt | null>
  startRound(task: number): Promise<TxReceipt | null>
  commit(task: number, round: number, reveal: DeltaReveal): Promise<TxReceipt | null>
  reveal(task: number, round: number, reveal: DeltaReveal): Promise<TxReceipt | null>
  revealProbe(
    task: number,
    round: number,
    slice: { digest: string; size: number; proof: readonly Hex[] },
  ): Promise<TxReceipt | null>
  commitScores(task: number, round: number, scores: Scores, salt: Hex): Promise<TxReceipt | null>
  revealScores(task: number, round: number, scores: Scores, salt: Hex): Promise<TxReceipt | null>
  /** ends a phase whose deadline has passed, for the keeper's fee */
  advance(task: number): Promise<TxReceipt | null>
  claim(): Promise<TxReceipt | null>
}
