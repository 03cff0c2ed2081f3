/**
 * The round as a pure function: from what is on chain, what this node holds and what time it is, to what to do next.
 * The same function drives a real node and a simulated one (DESIGN: "A round"; money: docs/settlement.md).
 *
 *     for (const action of nextActions(facts)) runner.start(action)
 *
 * The list is complete: every action that makes sense now is in it, most urgent first, and it ends with exactly one `wait`
 * (look again then, or when a fact changes) or `done`. Actions of one list do not depend on each other, so that a
 * runner may do them one after another or at once; one that fails is in the next list again.
 */
import type { Address, ProposerSeat, RoundView, VoterSeat } from '../types/ledger.ts'
import type { Action, RoundInput } from '../types/round.ts'

/** How long the network waits for a keeper before a participant does a keeper's work: a few blocks of any chain. */
export const KEEPER_GRACE_SECONDS = 10
/** Participants step in one after another, this far apart, so that not all of them pay gas for the same call. */
export const STAGGER_SECONDS = 3
/** More places than that would make the wait longer than the phase of a small task. */
export const STAGGER_PLACES = 8
/** With fewer enrolled than the task has seats, a round starts only after this wait: others may be about to join. */
export const SHORT_HANDED_SECONDS = 60
/** The contract draws no round below this: one proposer and one voter. */
export const MIN_ENROLLED = 2
/** The longest wait. Facts wake a node earlier; this covers an event that it never saw. */
export const POLL_SECONDS = 15

/**
 * What a node does next.
 * @returns actions in order of urgency, then one `wait` until a later chain time or, alone, `done`
 */
export function nextActions(input: RoundInput): readonly Action[] {
  const { task, duties, now } = input
  const over = task.status === 'finished' || task.status === 'cancelled'
  const actions: Action[] = []
  /** chain times at which this very function will answer differently */
  const times: number[] = []

  if (over) {
    actions.push(...catchUp(input))
    if (input.claimable) actions.push({ kind: 'claim' })
    if (actions.length === 0) return [{ kind: 'done' }]
  } else {
    if (task.phase !== 'idle' && input.round?.round === task.round) actions.push(...seatActions(input, input.round))
    actions.push(...catchUp(input))
    if (duties.participate && !input.enrolled && roundsAhead(input)) actions.push({ kind: 'join' })
    const keep = keeping(input)
    if (keep !== null && now >= keep.at) actions.push(keep.action)
    else if (keep !== null) times.push(keep.at)
    if (task.phase !== 'idle' && now < task.deadline) times.push(task.deadline)
  }
  actions.push({ kind: 'wait', until: Math.min(now + POLL_SECONDS, ...times) })
  return actions
}

/** How many rounds of the task are settled. */
function settledRounds({ task }: RoundInput): number {
  return task.phase === 'idle' || task.status === 'finished' || task.status === 'cancelled'
    ? task.round
    : task.round - 1
}

/** True when a draw is still to come, so that joining is of use. */
function roundsAhead({ task }: RoundInput): boolean {
  return task.round < task.params.rounds
}

/**
 * Toward the newest global adapter: the next settled round that this node has not aggregated. The last settled round's missing
 * deltas are pulled first; for an older one (a node that was away) the duty fetches what the settlements name.
 * A keeper that does not participate serves no model: it pins the deltas that others need for theirs.
 */
function catchUp(input: RoundInput): Action[] {
  const { local, round, duties } = input
  const next = local.aggregated + 1
  if (duties.participate && next > settledRounds(input)) return []
  if (round !== null && round.settlement !== null && (duties.participate ? next === round.round : duties.keep)) {
    const missing = missingDeltas(input, round, included(round))
    if (missing !== null) return [missing]
  }
  return duties.participate ? [{ kind: 'aggregate', round: next }] : []
}

/** What the open round asks of this node: by its seats, as holder of the probe, or as a keeper who pins blobs. */
function seatActions(input: RoundInput, round: RoundView): Action[] {
  const proposer = round.proposers.find((seat) => sameAccount(seat.account, input.me))
  const voter = round.voters.find((seat) => sameAccount(seat.account, input.me))
  const actions: Action[] = []
  if (input.duties.participate && proposer !== undefined) actions.push(...proposerActions(input, proposer))
  if (input.duties.participate && voter !== undefined) actions.push(...voterActions(input, round, voter))
  const { ownSlice, cohorts } = input.local
  if (cohorts?.due) actions.push({ kind: 'cohort', round: round.round })
  if (input.task.phase === 'probe' && ownSlice !== null && round.probe === null && input.task.params.probeRoot !== null)
    actions.push({ kind: 'reveal-probe', round: round.round })
  if (input.duties.keep && voter === undefined) {
    const missing = missingDeltas(input, round, round.proposers)
    if (missing !== null) actions.push(missing)
  }
  return actions
}

/** Train from the global adapter of the last round, commit, reveal: each only for the delta that the journal holds. */
function proposerActions(input: RoundInput, seat: ProposerSeat): Action[] {
  const { task, local, now } = input
  const round = task.round
  if (task.phase === 'train' && seat.commitment === null) {
    if (local.trained !== null) return [{ kind: 'commit', round }]
    // training takes most of the phase: begun after the deadline it is in vain
    if (now < task.deadline && local.aggregated >= round - 1) return [{ kind: 'train', round }]
  }
  // a commitment without the journal's record is another process's or a lost disk's: nothing here can open it
  if (task.phase === 'reveal' && seat.commitment !== null && seat.reveal === null && local.trained !== null)
    return [{ kind: 'reveal', round }]
  return []
}

/** Pull deltas as they are revealed, the slice when it is there, then score, commit and reveal once. */
function voterActions(input: RoundInput, round: RoundView, seat: VoterSeat): Action[] {
  const { task, local, now } = input
  if (task.phase === 'tally') {
    return seat.commitment !== null && seat.scores === null && local.scored !== null
      ? [{ kind: 'reveal-scores', round: round.round }]
      : []
  }
  if (task.phase === 'train' || seat.commitment !== null) return []
  if (task.phase === 'score' && local.scored !== null) return [{ kind: 'commit-scores', round: round.round }]
  const missing = missingDeltas(input, round, round.proposers)
  if (missing !== null) return [missing]
  if (local.cohorts?.waiting) return []
  const ready = task.phase === 'score' && now < task.deadline && local.aggregated >= round.round - 1
  return ready ? [{ kind: 'score', round: round.round }] : []
}

/** One `pull` for what is revealed, wanted and not here, or null. The slice is wanted while its round is open. */
function missingDeltas(
  input: RoundInput,
  round: RoundView,
  wanted: readonly ProposerSeat[],
): Extract<Action, { kind: 'pull' }> | null {
  const { local } = input
  const digests: { digest: string; size: number; of: 'delta' | 'slice'; account: Address }[] = []
  const seen = new Set<string>(local.trained === null ? [] : [local.trained.digest])
  for (const { account, reveal } of wanted) {
    if (reveal === null || seen.has(reveal.digest)) continue
    seen.add(reveal.digest)
    // one that was judged unusable is not asked for again; if it was included all the same, `aggregate` fetches it
    if (local.deltas[reveal.digest] === undefined)
      digests.push({ digest: reveal.digest, size: reveal.size, of: 'delta', account })
  }
  if (round.settlement === null && round.probe !== null && !local.haveSlice && local.ownSlice === null)
    digests.push({ digest: round.probe.digest, size: round.probe.size, of: 'slice', account: input.task.creator })
  return digests.length > 0 ? { kind: 'pull', round: round.round, digests } : null
}

/** Whose deltas the next global adapter needs: adapter-line.ts. */
function included(round: RoundView): readonly ProposerSeat[] {
  if (round.settlement?.rolledBack === true) return []
  return round.proposers.filter((_, i) => round.settlement?.proposers[i]?.outcome === 'included')
}

/** The call that moves the task on for everybody, and the chain time from which this node makes it; null when there is none. */
function keeping(input: RoundInput): { readonly action: Action; readonly at: number } | null {
  const { task, duties } = input
  if (!duties.keep && !(duties.participate && input.enrolled)) return null
  const grace = duties.keep ? 0 : KEEPER_GRACE_SECONDS + STAGGER_SECONDS * place(input)
  if (task.phase !== 'idle') return { action: { kind: 'advance' }, at: task.deadline + grace }
  if (!roundsAhead(input) || task.enrolled < MIN_ENROLLED) return null
  const full = task.enrolled >= task.params.proposers + task.params.voters
  const wait = full ? grace : SHORT_HANDED_SECONDS + grace
  return { action: { kind: 'start-round', round: task.round + 1 }, at: input.since + wait }
}

/** This node's place among those who step in for the keeper: public, and another one each round. */
function place({ me, task }: RoundInput): number {
  return (Number.parseInt(me.slice(-6), 16) + task.round) % STAGGER_PLACES
}

/** Accounts are EIP-55 text; case is only a checksum. */
function sameAccount(a: Address, b: Address): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase()
}
