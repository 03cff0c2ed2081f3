/** A node's events as sentences, for people. */
import type { NodeEvent } from './events.ts'

/** null = nothing that a person wants to read each time */
export function sentence(e: NodeEvent): string | null {
  const short = (digest: string): string => digest.slice(0, 12)
  switch (e.event) {
    case 'ready':
      return `account ${e.account}, peer ${e.peerId}, listening on ${e.addresses.join(' ') || 'nothing'}`
    case 'task':
      return `task ${e.task}: spec ${short(e.specDigest)}, ${e.examples} private examples`
    case 'phase':
      return e.phase === 'idle' ? `round ${e.round} is over` : `round ${e.round}: ${e.phase}`
    case 'training':
      return e.step === e.steps || e.step % 10 === 0
        ? `training ${e.step}/${e.steps}: loss ${e.loss.toFixed(3)}, ${Math.round(e.tokensPerSecond)} tokens/s, ${Math.ceil(e.secondsLeft)} s left`
        : null
    case 'privacy': {
      const all = e.total === null || e.budget === null ? '' : `; ${e.total.toFixed(3)} of ${e.budget} in all tasks`
      return `privacy by ${e.unit}: epsilon ${e.epsilon.toFixed(3)} of ${e.of} spent at delta ${e.delta} with this round${all}`
    }
    case 'delta':
      return `delta ${short(e.digest)}: ${e.size} bytes after ${e.seconds.toFixed(1)} s`
    case 'pulled':
      return e.of === 'cohort' ? null : `pulled ${e.of} ${short(e.digest)}: ${e.size} bytes`
    case 'cohort':
      return `cohort ${e.cohort} of round ${e.round}: the sum of ${e.summed} of ${e.members} members is open`
    case 'scored': {
      const hits = e.canaries.map(
        ({ seat, canary, rise }) =>
          `seat ${seat + 1} makes canary ${canary + 1} likelier by ${rise.toFixed(2)} nats a token`,
      )
      return `scored: ${e.probe.map((s) => (s / 10_000).toFixed(4)).join(' ')} nats on the probe${hits.length === 0 ? '' : `; vetoed: ${hits.join(', ')}`}`
    }
    case 'settled':
      return `round ${e.round.round} settled: ${e.round.settlement?.proposers.map((p) => p.outcome).join(', ') ?? ''}`
    case 'taken-back':
      return `the chain took the settlement of round ${e.round} back: aggregating anew from there`
    case 'aggregated':
      return `global adapter after round ${e.round}: ${short(e.digest)} of ${e.included} deltas${e.rolledBack ? ', incumbent rolled back' : ''}`
    case 'disagreement':
      return `round ${e.round}: the network started from ${short(e.agreed)}, this node holds ${short(e.own)}`
    case 'serving':
      return `serving ${e.model} at ${e.url}`
    case 'problem':
      return `${e.doing}: ${e.message} (${e.code})`
    case 'finished':
      return `task ${e.task} is finished`
    case 'stats':
      return null
  }
}
