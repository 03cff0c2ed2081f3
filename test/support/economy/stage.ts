/** Who plays in a small economy, and how they type `covey`: in this process for tests, as processes of their own for a record. */
import type { Address } from '../../../src/types/ledger.ts'

export const TRAINERS = ['ann', 'ben', 'cem'] as const
export const VALIDATORS = ['vera', 'will'] as const
/** Whoever runs a node has a peer key beside the account's. */
export const NODES = ['creator', ...TRAINERS, ...VALIDATORS] as const
/** `dora` only delegates; `bank` deploys, and has all tokens at first. */
export const PEOPLE = [...NODES, 'dora'] as const
export const CAST = ['bank', ...PEOPLE] as const
export type Name = (typeof CAST)[number]
export type Accounts = Readonly<Record<Name, Address>>

export interface Stage {
  /** the folder of everything; each has a data directory of their own name in it */
  readonly dir: string
  /** Types a command, writes agreed to beforehand. @returns what it printed; @throws when it failed */
  covey(who: Name, line: string | readonly string[]): Promise<string>
  /** A command that only looks. @returns what `--json` says of it */
  look(who: Name, line: string): Promise<Record<string, unknown>>
  /** Begins a command that goes on; resolves once it has printed what `ready` finds. */
  begin(who: Name, line: string | readonly string[], ready: RegExp): Promise<Running>
}

export interface Running {
  /** what `ready` found: its first group, or all of it */
  readonly found: string
  /** asks it to end, and waits */
  stop(): Promise<void>
}

/** People who need not wait for each other. */
export async function together<T>(people: readonly T[], act: (who: T) => Promise<unknown>): Promise<void> {
  await Promise.all(people.map(act))
}

/** A key for everybody. */
export async function makeAccounts(stage: Stage): Promise<Accounts> {
  const accounts: Partial<Record<Name, Address>> = {}
  await together(CAST, async (name) => {
    const runsNode = NODES.some((node) => node === name)
    await stage.covey(name, runsNode ? 'init --fast-kdf' : 'wallet new --fast-kdf')
    accounts[name] = (await stage.look(name, 'wallet address')).account as Address
  })
  return accounts as Accounts
}

/** The bank gives everybody gas money, and as many tokens as `tokens` says. */
export async function handOut(
  stage: Stage,
  accounts: Accounts,
  tokens: Readonly<Record<(typeof PEOPLE)[number], number>>,
): Promise<void> {
  for (const name of PEOPLE) {
    await stage.covey('bank', `wallet send ${accounts[name]} 1 --native`)
    await stage.covey('bank', `wallet send ${accounts[name]} ${tokens[name]}`)
  }
}
