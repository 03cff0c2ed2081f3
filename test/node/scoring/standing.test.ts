/** What accounts were found to add before. */
import { expect } from 'chai'
import { type EndedRound, STANDING_ROUNDS, standings } from '../../../node/scoring/standing.ts'
import { SCORE_ABSENT, type Settlement } from '../../../src/types/ledger.ts'

const ended = (scores: Readonly<Record<string, number>>): EndedRound<string> => ({
  accounts: Object.keys(scores),
  settlement: {
    proposers: Object.values(scores).map((median) => ({ outcome: 'included', median, paid: 0n, slashBps: 0 })),
  } satisfies Pick<Settlement, 'proposers'>,
})

describe('what accounts were found to add before', () => {
  it('is the sum of their scores, whatever seats they had; nothing for who had none', () => {
    const rounds = [ended({ a: 500, b: -20 }), ended({ b: -30, c: 7, a: -100 })]
    expect(standings(rounds, ['c', 'a', 'b', 'd'])).to.deep.equal([7, 400, -50, 0])
    expect(standings([], ['a'])).to.deep.equal([0])
  })

  it('asks neither for scores that were not given nor for rounds that were not settled', () => {
    const open: EndedRound<string> = { accounts: ['a'], settlement: null }
    expect(standings([ended({ a: SCORE_ABSENT }), open, ended({ a: -5 })], ['a'])).to.deep.equal([-5])
  })

  it('looks back only so far', () => {
    const rounds = Array.from({ length: STANDING_ROUNDS + 3 }, (_, i) => ended({ a: i < 3 ? 10_000 : -1 }))
    expect(standings(rounds, ['a'])).to.deep.equal([-STANDING_ROUNDS])
  })
})
