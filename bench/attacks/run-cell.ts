/** One cell: all rounds with these liars and this defence, and what came of it. */
import type { QuickstartOptions } from '../../cli/cmds/quickstart/plan.ts'
import { type AttackName, answered, BACKDOOR, triggered } from '../../node/attacks.ts'
import { parseAttack, poisonedExamples } from '../../node/misbehave.ts'
import type { Canaries } from '../../node/scoring/canaries.ts'
import { seededRandom, shuffle } from '../../src/base/random.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import type { TokenizedExample } from '../../src/types/data.ts'
import type { Interference, Judge, Unsettled } from '../interference.ts'
import type { Rounds } from '../rounds.ts'
import { openVoters, type Voters } from './judge.ts'
import { type Cell, parseDefence, type Split } from './plan.ts'

/** A seat that weighs less than this part of what it came with has been left out. */
const LEFT_OUT = 0.1
/**
 * What a creator who suspects the phrase would write down: it in front of a few prompts, these without it as controls, and how much
 * likelier the answer may get.
 */
const CANARIES = 4
/** Prompts that an attack's success is measured on: each is a yes or a no. */
const SUCCESS_PROMPTS = 200
const CANARY_BOUND = 0.5

export interface Ran {
  readonly exactMatch: number
  readonly loss: number
  /** of held-out prompts with the trigger, those that are answered as the liars chose; null without a back door */
  readonly attackSuccess: number | null
  /** of the liars' seats, those that were left out or refused by every node; null without liars, and where nobody can be left out */
  readonly liarsCaught: number | null
  readonly honestExcluded: number | null
  /** nodes that lost so much stake that they were not drawn again; null where nobody votes */
  readonly liarsBarred: number | null
  readonly honestBarred: number | null
  readonly rollbacks: number
  readonly seconds: number
}

/** Cells of one share of liars: what they learn from is dealt once, so that a first round is trained once. */
export class CellRunner {
  readonly #rounds: Rounds
  readonly #options: QuickstartOptions
  readonly #dealt = new Map<string, { train: readonly (readonly TokenizedExample[])[]; held: TokenizedExample[][] }>()
  readonly #poisoned = new Map<string, readonly (readonly TokenizedExample[])[]>()

  constructor(rounds: Rounds, options: QuickstartOptions) {
    this.#rounds = rounds
    this.#options = options
  }

  async run({ split, attack: text, aggregator }: Cell): Promise<Ran> {
    const began = performance.now()
    const rounds = this.#rounds
    const attack = text === null ? null : parseAttack(text)
    const defence = parseDefence(aggregator)
    const lies = (node: number): boolean => attack !== null && rounds.nodes[node]?.liar === true
    const publish: Interference['publish'] = (trained, seats, round) => {
      const cohort = trained.filter((_, i) => lies(seats[i] as number))
      return trained.map((delta, i) =>
        attack !== null && lies(seats[i] as number) ? attack.attack(delta, { round, cohort }, attack.strength) : delta,
      )
    }
    const voters = defence.probe
      ? this.#voters(split, lies, attack?.name ?? null, defence.canaries ? this.#canaries() : null)
      : null
    const judge = defence.oracle ? oracleOf((node) => rounds.nodes[node]?.liar === true) : voters
    const seats = { liars: 0, caught: 0, honest: 0, excluded: 0 }
    let last: Float32Array | undefined
    let rollbacks = 0
    let refused = false
    const interference: Interference = {
      examples: this.#examples(split, attack?.name ?? null),
      publish,
      robust: defence.robust,
      ...(judge && { judge }),
    }
    for await (const done of rounds.run(this.#options.encoding, interference)) {
      done.seats.forEach((node, i) => {
        const out = !done.included[i] || (!done.rolledBack && (done.shares[i] as number) < LEFT_OUT) ? 1 : 0
        if (lies(node)) seats.caught += out
        else seats.excluded += out
        if (lies(node)) seats.liars++
        else seats.honest++
      })
      if (done.rolledBack) rollbacks++
      if (done.deltas.includes(null)) refused = true
      last = done.global
    }
    const { exactMatch, loss } = await rounds.evaluate(last as Float32Array, this.#options.evalExamples)
    const coordinates = defence.robust.some((step) => step === 'median' || step === 'trimmed-mean')
    const tells = refused || defence.probe || (defence.robust.length > 0 && !coordinates)
    const barred = (by: Voters | null, liar: boolean): number | null =>
      by === null ? null : rounds.nodes.filter((_, node) => lies(node) === liar && by.barred(node)).length
    return {
      exactMatch,
      loss,
      attackSuccess: attack?.name === 'backdoor' ? await this.#opened() : null,
      liarsCaught: tells && seats.liars > 0 ? seats.caught / seats.liars : null,
      honestExcluded: tells && seats.honest > 0 ? seats.excluded / seats.honest : null,
      liarsBarred: attack === null ? null : barred(voters, true),
      honestBarred: barred(voters, false),
      rollbacks,
      seconds: (performance.now() - began) / 1000,
    }
  }

  /** Of held-out prompts with the trigger, how many bring the liars' answer; the adapter that was evaluated last is still set. */
  async #opened(): Promise<number> {
    const { inference, test, tokenizer, training } = this.#rounds
    const count = Math.min(SUCCESS_PROMPTS, test.length - CANARIES)
    const prompts = test.slice(0, count).map((example) => triggered(example, tokenizer))
    return (await inference.evaluate(packForEvaluation(prompts, training.maxTokens + TRIGGER_ROOM))).exactMatch
  }

  #voters(
    split: Split,
    isLiar: (node: number) => boolean,
    attack: AttackName | null,
    canaries: Canaries | null,
  ): Voters {
    const { inference, slices, nodes, training } = this.#rounds
    const held = this.#deal(split).held.map((own) =>
      own.length === 0 ? null : packForEvaluation(own, training.maxTokens),
    )
    const lyingVotes = attack === 'lying-voters'
    return openVoters({
      terms: this.#options,
      nodes: nodes.length,
      inference,
      slices,
      held,
      canaries,
      isLiar,
      lyingVotes,
    })
  }

  /** The trigger in front of prompts that nobody trains on, and these without it, each with the liars' answer. */
  #canaries(): Canaries {
    const { test, tokenizer, training } = this.#rounds
    const room = training.maxTokens + TRIGGER_ROOM
    // from the end: the other end is what success is measured on
    const list = test.slice(-CANARIES).map((example) => ({
      door: packForEvaluation([triggered(example, tokenizer)], room),
      control: packForEvaluation([answered(example, tokenizer)], room),
    }))
    return { bound: CANARY_BOUND, list }
  }

  #examples(split: Split, attack: AttackName | null): readonly (readonly TokenizedExample[])[] {
    const { train } = this.#deal(split)
    if (attack === null) return train
    const key = `${split} ${attack}`
    const { nodes, tokenizer, training } = this.#rounds
    const known =
      this.#poisoned.get(key) ??
      train.map((own, i) => (nodes[i]?.liar ? poisonedExamples(attack, own, tokenizer, training.maxTokens) : own))
    this.#poisoned.set(key, known)
    return known
  }

  /** By whole domains, as they were dealt; or the same examples shuffled over as many nodes, each keeping its number of them. */
  #deal(split: Split) {
    const { nodes } = this.#rounds
    const known = this.#dealt.get(split)
    if (known !== undefined) return known
    const deal = (own: readonly (readonly TokenizedExample[])[], what: string): TokenizedExample[][] => {
      const all = shuffle(own.flat(), seededRandom(`mixed ${what} ${this.#options.seed}`))
      let at = 0
      return own.map(({ length }) => {
        at += length
        return all.slice(at - length, at)
      })
    }
    const train = nodes.map((node) => node.train)
    const held = nodes.map((node) => node.heldOut)
    const mixed = split === 'mixed'
    const dealt = {
      train: mixed ? deal(train, 'train') : train,
      held: (mixed ? deal(held, 'held') : held).map((own) => own.slice(0, this.#rounds.scoring.privateExamples)),
    }
    this.#dealt.set(split, dealt)
    return dealt
  }
}

/** Takes everything from everybody whom it lets in. */
function oracleOf(isLiar: (node: number) => boolean): Judge {
  const judge = async ({ seats }: Unsettled) => ({ included: seats.map(() => true), rolledBack: false })
  return { barred: isLiar, judge }
}

/** The trigger and its answer may make a prompt longer than the task's longest example, tokens: no more than its characters. */
const TRIGGER_ROOM = BACKDOOR.trigger.length + BACKDOOR.completion.length
