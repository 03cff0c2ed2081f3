/**
 * Ways for a node to cheat, so that quickstart and the tests can show that cheating is caught. A node does none of
 * this unless its owner asks for it by `--misbehave`.
 */
import { CoveyError } from '../src/base/errors.ts'
import type { TokenizedExample } from '../src/types/data.ts'
import { ATTACKS, type Attack, type AttackName, flipLabels, PLAIN } from './attacks.ts'

/** Makes the published delta out of the honest one, both (layout.size). */
export type Tamper = (delta: Float32Array, round: number) => Float32Array

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

/** What a node does to its own examples before it trains; the held-out ones, which only it sees, stay. @throws CoveyError E_CONFIG */
export function poisoned<T extends { readonly train: readonly TokenizedExample[] }>(
  data: T,
  misbehave: string | null,
): T {
  if (misbehave === null || parseAttack(misbehave).name !== 'label-flip') return data
  return { ...data, train: flipLabels(data.train) }
}

function isAttack(name: string): name is AttackName {
  return Object.hasOwn(ATTACKS, name)
}
