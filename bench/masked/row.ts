/** What the bench of masking measures of one size of cohort: bytes, ms of one thread's processor time, and how many drops it survives. */
export interface MaskingRow {
  readonly members: number
  /** with how many each masks and to whom it deals shares; null: all others */
  readonly neighbours: number | null
  readonly threshold: number
  /** one member's messages, the largest of each kind, bytes */
  readonly bytes: { readonly keys: number; readonly shares: number; readonly unmask: number }
  /** messages and bytes that one member takes in a round, the others' masked deltas left out */
  readonly taken: { readonly messages: number; readonly bytes: number }
  /** of one member: dealing its shares and its part of the unmasking (medians over the members), masking its delta */
  readonly deal_ms: number
  readonly mask_ms: number
  readonly unmask_ms: number
  /** of who opens the sum: the secrets, then taking the masks out, with nobody lost and with as many as can be */
  readonly open_ms: number
  readonly sum_ms: number
  readonly sumOfFewest_ms: number
  /** members that were lost for `sumOfFewest_ms` */
  readonly most: number
  /** part of the rounds that end with a sum, by the chance at which each member falls silent after its shares */
  readonly survived: readonly { readonly chance: number; readonly part: number }[]
}
