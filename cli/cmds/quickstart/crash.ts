/** `--crash N`: kills N seated nodes with SIGKILL at random moments of random rounds and starts them again, to show that nothing is lost. */
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../../../src/base/random.ts'
import type { Fleet } from './fleet.ts'
import type { History, PhaseSeen } from './history.ts'
import type { CrashResult } from './result.ts'
import type { Screen } from './screen.ts'

/** A crash comes at most so long after its phase has begun, ms: a small model's round takes little longer. */
const MOST_DELAY_MS = 1_000
/** The node stays away for a moment, ms. */
const AWAY_MS = 1_000

/** Proposers are hit while they train or reveal, voters while they score or reveal their scores. */
const PHASES = { proposer: ['train', 'train', 'reveal'], voter: ['score', 'score', 'tally'] } as const

export function scheduleCrashes(
  count: number,
  rounds: number,
  seed: number,
  parts: { readonly fleet: Fleet; readonly history: History; readonly screen: Screen },
): CrashResult[] {
  const { fleet, history, screen } = parts
  const random = seededRandom(`crash ${seed}`)
  const plans = Array.from({ length: count }, (_, i) => {
    const role = i % 2 === 0 ? 'proposer' : 'voter'
    const phases = PHASES[role]
    return {
      role,
      // not the last one: a run that is over cannot be hit
      round: 1 + random.int(Math.max(1, rounds - 1)),
      phase: phases[random.int(phases.length)] as string,
      wait: random.int(MOST_DELAY_MS),
      pick: random.next(),
    } as const
  })
  const done: CrashResult[] = []
  const hit = async (plan: (typeof plans)[number], seen: PhaseSeen): Promise<void> => {
    const seats = plan.role === 'proposer' ? seen.proposers : seen.voters
    const name = screen.nameOf(seats[Math.floor(plan.pick * seats.length)] as string)
    await delay(plan.wait)
    const member = fleet.get(name)
    if (member === undefined) return
    await fleet.kill(name)
    screen.say(
      `${name} (${plan.role}) killed ${(plan.wait / 1000).toFixed(1)} s into ${plan.phase} of round ${plan.round}`,
    )
    await delay(AWAY_MS)
    fleet.restart(member)
    screen.say(`${name} started again`)
    done.push({ node: name, role: plan.role, round: plan.round, phase: plan.phase })
  }
  history.onPhase = (seen) => {
    for (const plan of plans) if (plan.round === seen.round && plan.phase === seen.phase) void hit(plan, seen)
  }
  return done
}
