/** What each call of an arena costs, in a world that is the same every time. */
import type { ContractTransactionResponse } from 'ethers'
import { adapterCommitment, arenaScoresCommitment } from '../../src/ledger/abi/arena-commitment.ts'
import { packScoreList } from '../../src/round/score-list.ts'
import type { Hex } from '../../src/types/ledger.ts'
import { adapterOf, arenaParams, ROLE } from './arena-world.ts'
import {
  type Account,
  deploy,
  deployLibrary,
  ethers,
  networkHelpers,
  proofOf,
  register,
  SLICES,
  STAKE,
  salt,
  TOKEN,
} from './contracts-fixture.ts'
import type { GasTable } from './gas-table.ts'

/** Places and seats of the epochs that are measured. */
const SEATS = [
  [3, 2],
  [8, 4],
] as const
/** As many as an arena may have: settled in memory, since there are not as many accounts. */
const MOST = [32, 16] as const
const PREVRANDAO = 7

/** Plays arenas of two sizes, and measures. */
export async function measureArenaGas(): Promise<GasTable> {
  const { token, registry, vault, arena } = await deploy()
  const [deployer, creator, ...nodes] = (await ethers.getSigners()) as [Account, Account, ...Account[]]
  const table: Record<string, number> = {}
  const measure = async (name: string, sent: Promise<ContractTransactionResponse>): Promise<void> => {
    const receipt = await (await sent).wait()
    // the first call of a name counts
    table[`arena: ${name}`] ??= Number(receipt?.gasUsed)
  }
  await token.connect(deployer).transfer(creator.address, 10_000n * TOKEN)
  await token.connect(creator).approve(arena.target, ethers.MaxUint256)
  for (const node of nodes) {
    await token.connect(deployer).transfer(node.address, 1_000n * TOKEN)
    await token.connect(node).approve(vault.target, ethers.MaxUint256)
    await register(registry, node)
    await vault.connect(node).deposit(STAKE)
  }
  const endsAt = (await networkHelpers.time.latest()) + 30 * 24 * 3600
  let id = 0
  for (const [entrants, validators] of SEATS) {
    id++
    const seats = `${entrants} + ${validators}`
    await measure('createArena', arena.connect(creator).createArena({ ...arenaParams, endsAt, entrants, validators }))
    const [people, jury] = [nodes.slice(0, entrants), nodes.slice(entrants, entrants + validators)]
    for (const node of people) await measure('enter, entrant', arena.connect(node).enter(id, ROLE.entrant))
    for (const node of jury) await measure('enter, validator', arena.connect(node).enter(id, ROLE.validator))
    for (const epoch of [1, 2]) {
      const label = `${seats}${epoch === 1 ? '' : ', again'}`
      await networkHelpers.setPrevRandao(PREVRANDAO + epoch)
      await measure(`startEpoch, ${label}`, arena.connect(creator).startEpoch(id))
      for (const node of people) {
        const commitment = adapterCommitment(id, epoch, node.address as Hex, adapterOf(node.address))
        await measure('commit', arena.connect(node).commit(id, epoch, commitment))
      }
      const slice = SLICES[epoch - 1] as string
      await measure('revealSlice', arena.connect(creator).revealSlice(id, epoch, slice, 77, proofOf(epoch)))
      for (const node of people) {
        const { digest, size, salt: secret } = adapterOf(node.address)
        await measure('reveal', arena.connect(node).reveal(id, epoch, `0x${digest}`, size, secret))
      }
      const scores = [...people.map((_, i) => 300 - i), 0]
      for (const node of jury) {
        const secret = salt(node.address) as Hex
        const commitment = arenaScoresCommitment(id, epoch, node.address as Hex, scores, secret)
        await measure('commitScores', arena.connect(node).commitScores(id, epoch, commitment))
      }
      const packed = ethers.hexlify(packScoreList(scores))
      for (const [i, node] of jury.entries()) {
        const call = i < jury.length - 1 ? `revealScores, ${seats}` : `revealScores that settles, ${label}`
        await measure(call, arena.connect(node).revealScores(id, epoch, packed, salt(node.address)))
      }
    }
  }
  // the dearest end of an epoch: nearly all committed, one revealed
  await arena.connect(creator).startEpoch(id)
  const [people, jury] = [nodes.slice(0, 8), nodes.slice(8, 12)]
  for (const node of people) {
    const commitment = adapterCommitment(id, 3, node.address as Hex, adapterOf(node.address))
    await arena.connect(node).commit(id, 3, commitment)
  }
  await arena.connect(creator).revealSlice(id, 3, SLICES[2] as string, 77, proofOf(3))
  await networkHelpers.time.increase(arenaParams.durations.reveal)
  await measure('advance that slashes eight, 8 + 4', arena.connect(creator).advance(id))
  await measure('claim', arena.connect(people[0]).claim())
  await measure('leave, entrant', arena.connect(people[0]).leave(id))
  await measure('leave, validator', arena.connect(jury[0]).leave(id))

  const library = await deployLibrary('Arena')
  const harness = await ethers.deployContract('ArenaHarness', { libraries: { Arena: library.target } })
  const [entries, validators] = MOST
  const scores = packScoreList(Array.from({ length: entries + 1 }, (_, i) => (i * 37) % 500))
  const input = {
    budget: 100n * TOKEN,
    rules: { ...arenaParams.rules, tolerance: 10 },
    slice: true,
    champion: true,
    entries: Array.from({ length: entries }, () => ({ weight: STAKE, revealed: true, copied: false, since: 1 })),
    validators: Array.from({ length: validators }, () => ({ weight: STAKE, committed: true, revealed: true, scores })),
  }
  table[`arena: settling ${entries} + ${validators} in memory`] = Number(
    await harness.getFunction('settle').estimateGas(input),
  )
  return table
}
