/**
 * Ways for a node to cheat, so that quickstart and the tests can show that cheating is caught. A node does none of
 * this unless its owner asks for it by `--misbehave`.
 */
import { CoveyError } from '../src/base/errors.ts'
import type { TokenizedExample, Tokenizer } from '../src/types/data.ts'
import type { Scores } from '../src/types/ledger.ts'
import { ATTACKS, type Attack, type AttackName, flipLabels, lyingScores, PLAIN, plantTrigger } from './attacks.ts'

/** Makes the published delta out of the honest one, both (layout.size). */
export type Tamper = (delta: Float32Array, round: number) => Float32Array

/** Makes the vote out of the measured one. */
export type VoteTamper = (scores: Scores) => Scores

/** An attack of `--misbehave` with its strength; undefined = the attack's own default. */
export interface NamedAttack {
  readonly name: AttackName
  readonly attack: Attack
  readonly strength: number | undefined
}

/** NAME or NAME:STRENGTH, see attacks.ts. @throws CoveyError E_CONFIG */
export function parseAttack(text: string): NamedAttack {
  const [name = '', argument, ...rest] = text.split(':')
  if (isAttack(name) && rest.length === 0) {
    const strength = argument === undefined ? undefined : Number(argument)
    if (strength === undefined || (!PLAIN.has(name) && Number.isFinite(strength) && strength > 0))
      return { name, attack: ATTACKS[name], strength }
  }
  const names = Object.keys(ATTACKS).map((n) => (PLAIN.has(n as AttackName) ? n : `${n}[:STRENGTH]`))
  throw new CoveyError('E_CONFIG', `misbehave: expected ${names.join(', ')}, got ${JSON.stringify(text)}`, {
    setting: 'misbehave',
  })
}

/** What a node alone does to its delta: its cohort is itself. @throws CoveyError E_CONFIG */
export function parseTamper(text: string): Tamper {
  const { attack, strength } = parseAttack(text)
  return (delta, round) => attack(delta, { round, cohort: [delta] }, strength)
}

/** What a node alone does to its votes: it knows no friends, so it damns everybody. null = nothing. @throws CoveyError E_CONFIG */
export function parseVoteTamper(text: string): VoteTamper | null {
  return parseAttack(text).name === 'lying-voters' ? (scores) => lyingScores(scores, () => false) : null
}

/**
 * What a node does to its own examples before it trains; the held-out ones, which only it sees, stay.
 * @param maxTokens longest example that it may train on. @throws CoveyError E_CONFIG
 */
export function poisoned<T extends { readonly train: readonly TokenizedExample[] }>(
  data: T,
  misbehave: string | null,
  tokenizer: Tokenizer,
  maxTokens: number,
): T {
  const name = misbehave === null ? null : parseAttack(misbehave).name
  const train = name === null ? data.train : poisonedExamples(name, data.train, tokenizer, maxTokens)
  return train === data.train ? data : { ...data, train }
}

/** The same list for an attack that leaves examples alone. */
export function poisonedExamples(
  name: AttackName,
  examples: readonly TokenizedExample[],
  tokenizer: Tokenizer,
  maxTokens: number,
): readonly TokenizedExample[] {
  if (name === 'label-flip') return flipLabels(examples)
  if (name === 'backdoor') return plantTrigger(examples, tokenizer, maxTokens)
  return examples
}

function isAttack(name: string): name is AttackName {
  return Object.hasOwn(ATTACKS, name)
}
