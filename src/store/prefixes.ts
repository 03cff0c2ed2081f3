/** First characters of every key in the database: one table, so that two kinds of record cannot collide. Never reuse a retired one. */
export const PREFIXES = {
  /** `Store.facts`: what can be read again from the chain or the network */
  fact: 'f!',
  /** `Store.journal`: what the node has bound itself to */
  journal: 'j!',
} as const
