import { CoveyError } from '../../../src/base/errors.ts'
import type { LedgerEvent } from '../../../src/ledger/abi/events.ts'
import type { EvmLedger } from '../../../src/ledger/evm/ledger.ts'
import type { EventChange } from '../../../src/ledger/evm/link.ts'
import { hasCommitted } from '../../../src/round/seats.ts'
import type { Ledger } from '../../../src/types/ledger.ts'
import { taskNumberOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf, duration } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { taskWatchOptions } from './options.ts'
import { sentenceOf } from './sentence.ts'
import { storyFrom } from './story.ts'

const TICK_MS = 1_000
const OVER: ReadonlySet<string> = new Set(['finished', 'cancelled'])

export const taskWatchHandler: Handler<typeof taskWatchOptions> = async (options, [text = ''], context) => {
  const { output, signal } = context
  const id = taskNumberOf(text)
  return withReadOnlyLedger(configOf(options, context), null, async (ledger) => {
    const at = await ledger.task(id)
    output.line(
      `task ${id}: ${at.status}, round ${at.round} of ${at.params.rounds}; ${output.amount(at.poolLeft)} in its pool`,
    )
    output.event({
      event: 'watching',
      task: id,
      status: at.status,
      round: at.round,
      phase: at.phase,
      deadline: at.deadline,
    })
    const amount = (wei: bigint): string => output.amount(wei)
    const story = storyFrom(id, at.round)
    let over = OVER.has(at.status)
    const show = (event: LedgerEvent, back: boolean): void => {
      output.event({
        event: back ? 'taken-back' : event.name,
        ...(back ? { was: event.name } : {}),
        block: event.block,
        ...event.args,
      })
      const line = sentenceOf(event, amount)
      if (line !== null) output.line(`block ${event.block}  ${back ? 'taken back by the chain: ' : ''}${line}`)
      if (!back && (event.name === 'TaskFinished' || event.name === 'TaskCancelled')) over = true
    }
    let wake = (): void => {}
    // what was read before anybody listened is told first
    let waiting: EventChange[] | null = []
    const tell = ({ added, removed }: EventChange): void => {
      for (const event of removed) if (story.takesBack(event)) show(event, true)
      for (const event of added) if (story.tells(event)) show(event, false)
      wake()
    }
    const stop = ledger.onEvents((change) => (waiting === null ? tell(change) : void waiting.push(change)))
    tell({ added: await ledger.events(id), removed: [] })
    for (const change of waiting) tell(change)
    waiting = null
    try {
      while (!over && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
          setTimeout(resolve, TICK_MS)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        output.progress(await stateOf(ledger, id).catch(() => 'the chain does not answer; still looking'))
      }
    } finally {
      stop()
    }
    if (signal.aborted && !over) throw new CoveyError('E_ABORTED', `no longer watching task ${id}; it goes on`)
    const end = await ledger.task(id)
    output.line(`task ${id} is ${end.status} after round ${end.round}`)
    output.event({ event: 'ended', task: id, status: end.status, round: end.round })
    return undefined
  })
}

/** One line: which phase, who has acted, how long still. */
async function stateOf(ledger: Ledger | EvmLedger, id: number): Promise<string> {
  const task = await ledger.task(id)
  if (task.phase === 'idle')
    return `round ${task.round} of ${task.params.rounds}: none is open, ${task.enrolled} nodes have joined`
  const { proposers, voters } = await ledger.round(id, task.round)
  const done = {
    train: [proposers.filter(hasCommitted).length, proposers.length],
    reveal: [proposers.filter((s) => s.reveal !== null).length, proposers.filter(hasCommitted).length],
    probe: [0, 1],
    score: [voters.filter(hasCommitted).length, voters.length],
    tally: [voters.filter((s) => s.scores !== null).length, voters.filter(hasCommitted).length],
  }[task.phase]
  const left = task.deadline - (await ledger.time())
  const until = left > 0 ? `${duration(left)} left` : `over since ${timeOf(task.deadline)}: anyone may end it`
  return `round ${task.round} of ${task.params.rounds}: ${task.phase}, ${done[0]} of ${done[1]} have acted, ${until}`
}
