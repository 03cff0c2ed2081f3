import { expect } from 'chai'
import fc from 'fast-check'
import { StopMatcher } from '../../src/serve/stop-matcher.ts'

const feed = (m: StopMatcher, pieces: readonly string[]): string => pieces.map((p) => m.push(p)).join('') + m.flush()

describe('StopMatcher', () => {
  const cases: [name: string, stops: string[], pieces: string[], out: string, stopped: boolean][] = [
    ['no stops', [], ['ab', 'c'], 'abc', false],
    ['inside one piece', ['\n'], ['ab\ncd'], 'ab', true],
    ['across pieces', ['END'], ['aE', 'N', 'Db'], 'a', true],
    ['a beginning that comes to nothing', ['END'], ['aEN', 'T'], 'aENT', false],
    ['a beginning at the end', ['END'], ['aEN'], 'aEN', false],
    ['the earliest of two', ['zz', 'b'], ['abzz'], 'a', true],
    ['the one that is complete first', ['bca', 'c'], ['abca'], 'ab', true],
    ['overlapping itself', ['aab'], ['a', 'a', 'a', 'b'], 'a', true],
    ['nothing after a stop', ['.'], ['a.', 'b', 'c'], 'a', true],
  ]
  for (const [name, stops, pieces, out, stopped] of cases) {
    it(name, () => {
      const m = new StopMatcher(stops)
      expect(feed(m, pieces)).to.equal(out)
      expect(m.stopped).to.equal(stopped)
    })
  }

  it('does as searching the whole text does, however it is cut', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c') })
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), {
      maxLength: 3,
    })
    fc.assert(
      fc.property(fc.array(letters), stops, (pieces, words) => {
        const text = pieces.join('')
        const hits = words
          .map((w) => ({ at: text.indexOf(w), end: text.indexOf(w) + w.length }))
          .filter((h) => h.at >= 0)
        hits.sort((a, b) => a.end - b.end || a.at - b.at)
        const m = new StopMatcher(words)
        expect(feed(m, pieces)).to.equal(text.slice(0, hits[0]?.at ?? text.length))
        expect(m.stopped).to.equal(hits.length > 0)
      }),
    )
  })
})
