import type { NodeComponents } from './context.ts'

/** Counters since the process began, for whoever watches. */
export function tellStats({ emit, transport, ledger }: NodeComponents): void {
  const gas = Object.fromEntries(
    Object.entries(ledger.gasSpent()).map(([name, { calls, gas }]) => [name, { calls, gas: gas.toString() }]),
  )
  // maxRSS is in kilobytes on every system that Node runs on
  emit({ event: 'stats', transport: transport.stats(), rssMb: process.resourceUsage().maxRSS / 1000, gas })
}
