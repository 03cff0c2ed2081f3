/**
 * Every error that Covey raises on purpose is a `CoveyError`: a stable `code`, a message that says what was
 * expected, what came and what to do, and the data behind it. Codes are listed in docs/errors.md.
 */
export class CoveyError extends Error {
  readonly code: ErrorCode
  readonly data: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, data: Record<string, unknown> = {}, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'CoveyError'
    this.code = code
    this.data = data
  }
}

/** Area first, so that a list sorts by the room that raises it. Meaning and remedy of each: `ERROR_CODES`. */
export type ErrorCode = keyof typeof ERROR_CODES

/** code -> [what it means, what to do]. The source of docs/errors.md. */
export const ERROR_CODES = {
  E_ARGUMENT: ['an argument is out of its range or of the wrong kind', 'correct the argument that the message names'],
  E_ABORTED: ['the work was cancelled', 'start it again if that was not wanted'],
  E_TIMEOUT: ['a wait ran past its limit', 'look at the part that the message names, then try again'],
  E_INTERNAL: ['a state that the code holds to be impossible', 'report it with the log'],

  E_CONFIG: ['the configuration is not valid', 'correct the setting that the message names'],
  E_PASSWORD: ['a key file could not be opened with this password', 'give the password that the file was made with'],
  E_LOCKED: ['another process uses this data directory', 'stop that process, or choose another --dir'],
  E_DISK: [
    'reading or writing the disk failed',
    'free space or mend the permissions of the path named; nothing acknowledged is lost',
  ],
  E_CORRUPT: [
    'a stored record does not match its digest or schema',
    'remove the file named; it is fetched or made again',
  ],
  E_PORT: ['the port is in use or not allowed', 'choose another --port, or 0 for any free one'],

  E_DATA_FORMAT: ['a data file holds a line that is not a record', 'correct or remove the lines named'],
  E_DATA_EMPTY: ['no usable example is left', 'look at `covey data inspect FILE`'],
  E_TEMPLATE: ['a template names a field that records do not have', 'correct --prompt, --completion or --partition-by'],
  E_TOKENIZER: [
    'the tokenizer file is missing, broken or not of a known kind',
    'check tokenizer.json of the model folder',
  ],

  E_MODEL_FILE: [
    'a model file is missing or broken',
    'give a model folder or the name of a model pulled with `covey model pull`; fetch a broken one again',
  ],
  E_MODEL_SHAPE: ['a tensor is missing or has another shape than config.json says', 'fetch the model folder again'],
  E_MODEL_ARCHITECTURE: [
    'the architecture is not one that Covey knows, asks for what its graphs do not have, or cannot do what is wanted',
    'use a model of a family that the message lists, or do something else with this one',
  ],
  E_HUB: [
    'the model hub cannot be reached or breaks the protocol',
    'check the network and --endpoint, then run the command again: it goes on where it stopped',
  ],
  E_HUB_ACCESS: [
    'the model hub refuses access',
    'set HF_TOKEN to a token that may read the model; accept the terms of a gated model on its page first',
  ],
  E_HUB_MISSING: ['the hub has no such model, revision or file', 'check the name, --revision and --endpoint'],
  E_HUB_DIGEST: [
    'a downloaded file has another size or digest than the hub lists',
    'run the command again; when it happens again, the hub or something on the way changes files',
  ],
  E_TEACHER: [
    'a teacher behind a URL cannot be reached, refuses, or answers nonsense',
    'check --teacher-url, --teacher-model and COVEY_TEACHER_KEY, then run the command again: answers that came are kept',
  ],
  E_SAFETENSORS: ['bytes are not a valid safetensors file', 'fetch the file again'],
  E_ENGINE: ['the execution engine failed', 'see the cause; `covey doctor` checks the machine'],
  E_DIVERGED: ['the loss is not a finite number any more', 'lower the learning rate'],

  E_DELTA: [
    'a delta is not of the agreed layout, too large, not finite or has another digest',
    'the proposer is at fault; it scores as absent',
  ],
  E_ADAPTER: ['an adapter does not fit the base or the spec', 'use the base and the spec that it was trained for'],
  E_SPEC: ['a task spec is not valid or is not the one on chain', 'take the spec whose sha256 is on chain'],
  E_COHORT: [
    'a cohort of a masked round cannot be summed: too few of its members took part, or what they published does not fit',
    'nothing: its deltas stay hidden and the round goes on without them',
  ],
  E_PRIVACY: [
    "a task asks for more than this node's owner allows, or the node's privacy budget is spent",
    'take part in a task that protects more, or allow more: --privacy, --max-epsilon, --max-clip of `covey node start`',
  ],
  E_AGGREGATE: ['the deltas of a round cannot be aggregated', 'see the message; the global adapter stays as it was'],

  E_WIRE: ['a message from a peer is not well-formed', 'the peer is at fault; the message is dropped'],
  E_PEER: ['a peer could not be reached or broke the protocol', 'the node tries others and comes back to it'],
  E_BLOB_UNAVAILABLE: ['no peer served the blob', 'wait; a round settles without it'],
  E_TOO_LARGE: ['something is larger than its cap', 'the cap and the size are in the message'],

  E_RPC: ['the chain RPC is down or answers nonsense', 'check --rpc; the node keeps trying'],
  E_CHAIN_ID: ['the RPC is on another chain than the one configured', 'check --rpc and the addresses file'],
  E_CONTRACT: ['no contract, or another one, is at the address', 'check the addresses file, or deploy'],
  E_REVERT: ['the contract refused a transaction', 'the reason is in the message'],
  E_FUNDS: ['the account has not enough tokens or gas', 'fund the account that the message names'],
  E_STUCK: [
    'a transaction is not mined and nothing more can be offered for it',
    'wait for a cheaper time, or raise the fee cap; it is on record and goes on waiting',
  ],
  E_KEY: ['a key is missing or not of the right kind', 'run `covey init`'],
  E_SIGNER: [
    'the external signer cannot be reached or gives what it was not asked for',
    'check that it runs, is unlocked and looks at the same chain, and --signer',
  ],

  E_REQUEST: ['an HTTP request is not valid', 'see the message'],
  E_UNAUTHORIZED: ['the bearer token is missing or wrong', 'send Authorization: Bearer TOKEN'],
  E_BUSY: ['too many requests are waiting', 'try again later'],
} as const satisfies Record<string, readonly [meaning: string, remedy: string]>

/** True for a `CoveyError`, with `code` when given. */
export function isCoveyError(error: unknown, code?: ErrorCode): error is CoveyError {
  return error instanceof CoveyError && (code === undefined || error.code === code)
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
