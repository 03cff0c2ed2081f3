/** `--crash N`: kills N seated nodes with SIGKILL at random moments of random rounds and starts them again, to show that nothing is lost. */
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../../../src/base/random.ts'
import type { Fleet } from './fleet.ts'
import type { History, PhaseSeen } from './history.ts'
import type { CrashResult } from './result.ts'
import type { Screen } from './screen.ts'

/** A crash comes at most so long after its phase was seen, ms: a small model's round takes little longer. */
const MOST_DELAY_MS = 1_000
/** The node stays away for a moment, ms. */
const AWAY_MS = 1_000

/** Proposers are hit while they train or reveal, voters while they score or reveal their scores. */
const PHASES = { proposer: ['train', 'train', 'reveal'], voter: ['score', 'score', 'tally'] } as const

interface Plan {
  readonly role: 'proposer' | 'voter'
  readonly round: number
  readonly phase: string
  /** from the phase to the blow, ms */
  readonly wait: number
  /** which seat, as a share of the seats */
  readonly pick: number
}

export interface Crashes {
  readonly done: readonly CrashResult[]
  /** Begins nothing more; resolves when every node that was hit has been started again. @throws CoveyError of the fleet */
  end(): Promise<void>
}

export function scheduleCrashes(
  count: number,
  rounds: number,
  seed: number,
  parts: { readonly fleet: Fleet; readonly history: History; readonly screen: Screen },
): Crashes {
  const { fleet, history, screen } = parts
  const random = seededRandom(`crash ${seed}`)
  const plans = new Set(Array.from({ length: count }, (_, i) => planOf(i, rounds, random)))
  const done: CrashResult[] = []

  const hit = async (plan: Plan, { round, phase, ...seats }: PhaseSeen): Promise<void> => {
    const of = plan.role === 'proposer' ? seats.proposers : seats.voters
    const name = screen.nameOf(of[Math.floor(plan.pick * of.length)] as string)
    await delay(plan.wait)
    const member = fleet.get(name)
    // the run was given up meanwhile
    if (member === undefined) return
    await fleet.kill(name)
    screen.say(`${name} (${plan.role}) killed ${(plan.wait / 1000).toFixed(1)} s into ${phase} of round ${round}`)
    await delay(AWAY_MS)
    history.forget(name)
    fleet.restart(member)
    screen.say(`${name} started again`)
    done.push({ node: name, role: plan.role, round, phase })
  }

  // one after another: two plans may pick the same node
  let hits = Promise.resolve()
  history.onPhase = (seen) => {
    for (const plan of plans) {
      if (!isDue(plan, seen)) continue
      plans.delete(plan)
      hits = hits.then(() => hit(plan, seen))
      hits.catch(() => undefined)
    }
  }
  return {
    done,
    end: () => {
      plans.clear()
      return hits
    },
  }
}

function planOf(i: number, rounds: number, random: ReturnType<typeof seededRandom>): Plan {
  const role = i % 2 === 0 ? 'proposer' : 'voter'
  const phases = PHASES[role]
  return {
    role,
    // not the last one: a run that is over cannot be hit
    round: 1 + random.int(Math.max(1, rounds - 1)),
    phase: phases[random.int(phases.length)] as string,
    wait: random.int(MOST_DELAY_MS),
    pick: random.next(),
  }
}

/** A phase can end before anybody saw it: then the role is hit at its next one that is seen. */
function isDue(plan: Plan, { round, phase }: PhaseSeen): boolean {
  if (round !== plan.round) return round > plan.round && PHASES[plan.role].some((p) => p === phase)
  const order: readonly string[] = PHASES[plan.role]
  return order.includes(phase) && order.indexOf(phase) >= order.indexOf(plan.phase)
}
