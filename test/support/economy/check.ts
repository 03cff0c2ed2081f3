/** That what was explained is what was claimed and what is there, to the last wei, for everybody and for every pool. */
import { CoveyError } from '../../../src/base/errors.ts'
import { formatAmount } from '../../../src/ledger/amount.ts'
import { type Accounts, CAST, type Name, type Stage } from './stage.ts'

/** What an account was given less what it put elsewhere, wei: all that moved its tokens but what it earned. */
export type Books = ReadonlyMap<Name, bigint>

/** A pool, wei. */
export interface Pool {
  /** put in by its creator */
  readonly own: bigint
  /** added by others */
  readonly given: bigint
  /** in it still */
  readonly left: bigint
}

interface Amount {
  readonly amount: string
}

interface Paid {
  readonly paid: string
}

/** Of `covey rewards explain --json`; amounts are decimal text. */
interface Explained {
  readonly account: string
  readonly agrees: boolean
  readonly disagreements: readonly unknown[]
  readonly seats: readonly Paid[]
  readonly refunds: readonly Amount[]
  readonly fees: readonly Amount[]
  readonly totals: {
    readonly paid: string
    readonly toDelegators: string
    readonly claimed: string
    readonly claimable: string
    readonly delegated: { readonly earned: string; readonly claimed: string; readonly claimable: string }
  }
  readonly arenas: {
    readonly seats: readonly Paid[]
    readonly totals: {
      readonly paid: string
      readonly toDelegators: string
      readonly fees: string
      readonly refunded: string
      readonly claimed: string
      readonly claimable: string
    }
  }
}

/** What left a pool by events. */
interface Spent {
  paid: bigint
  refunded: bigint
}

const sum = (parts: readonly string[]): bigint => parts.reduce((total, part) => total + BigInt(part), 0n)

/**
 * @param pools of the task and of the arena
 * @param claimedOfLocks what accounts claimed of the emissions, wei
 * @returns a table of it. @throws CoveyError E_INTERNAL when something is not what it has to be
 */
export async function checkMoney(
  stage: Stage,
  accounts: Accounts,
  books: Books,
  pools: { readonly task: Pool; readonly arena: Pool },
  claimedOfLocks: Books = new Map(),
): Promise<string> {
  const told = new Map<Name, { readonly explained: Explained; readonly wallet: string }>()
  await Promise.all(
    CAST.map(async (name) => {
      const explained = (await stage.look(name, 'rewards explain')) as unknown as Explained
      const { wallet } = (await stage.look(name, 'wallet balance')) as { wallet: string }
      told.set(name, { explained, wallet })
    }),
  )
  const rows: string[] = []
  const task: Spent = { paid: 0n, refunded: 0n }
  const arena: Spent = { paid: 0n, refunded: 0n }
  const delegators = { part: 0n, earned: 0n, payments: 0 }
  for (const name of CAST) {
    const { explained, wallet } = told.get(name) as { explained: Explained; wallet: string }
    const { totals, arenas, seats, fees, refunds } = explained
    mustBe(explained.account === accounts[name], `${name} explained another account`)
    mustBe(explained.agrees && explained.disagreements.length === 0, `${name}: the chain and the explanation disagree`)
    for (const left of [totals.claimable, totals.delegated.claimable, arenas.totals.claimable])
      mustBe(left === '0', `${name} has not claimed ${left} wei`)
    const own = books.get(name) ?? 0n
    const claims = [totals.claimed, arenas.totals.claimed, totals.delegated.claimed].map(BigInt)
    claims.push(claimedOfLocks.get(name) ?? 0n)
    const due = claims.reduce((total, claim) => total + claim, own)
    mustBe(due === BigInt(wallet), `${name} has ${wallet} wei, ${due} were to be there`)
    task.paid += sum([totals.paid, ...fees.map((f) => f.amount)])
    task.refunded += sum(refunds.map((r) => r.amount))
    arena.paid += sum([arenas.totals.paid, arenas.totals.fees])
    arena.refunded += BigInt(arenas.totals.refunded)
    delegators.part += sum([totals.toDelegators, arenas.totals.toDelegators])
    delegators.earned += BigInt(totals.delegated.earned)
    delegators.payments += seats.length + arenas.seats.length
    const shown = [own, ...claims, BigInt(wallet)].map((wei) => formatAmount(wei).replace(/ .*/, ''))
    rows.push(`| ${[name, ...shown].join(' | ')} |`)
  }
  mustAddUp("the task's", pools.task, task)
  mustAddUp("the arena's", pools.arena, arena)
  const rest = delegators.part - delegators.earned
  // each division of a reward among shares leaves a wei or two in the vault
  mustBe(rest >= 0n && rest <= BigInt(2 * delegators.payments), `${rest} wei of delegators' parts went to nobody`)
  const head = '| | given less spent | of the task | of the arena | by delegating | by its locks | in the wallet |'
  return [head, `|---|${'--:|'.repeat(6)}`, ...rows].join('\n')
}

/** Of what a finished pool did not pay, its creator has got the part that was its own. */
function mustAddUp(whose: string, { own, given, left }: Pool, { paid, refunded }: Spent): void {
  const rest = own + given - paid
  if (left > 0n) mustBe(rest === left && refunded === 0n, `${whose} pool has ${left} wei, ${rest} are explained`)
  else {
    const due = (rest * own) / (own + given || 1n)
    mustBe(refunded === due, `${refunded} wei of ${whose} pool came back, ${due} were to`)
  }
}

function mustBe(holds: boolean, otherwise: string): void {
  if (!holds) throw new CoveyError('E_INTERNAL', otherwise)
}
