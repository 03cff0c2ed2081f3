/** Errors as OpenAI's clients expect them: {error: {message, type, code, param}} and a status that fits. */
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { CoveyError, type ErrorCode, isCoveyError } from '../base/errors.ts'

export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly code: string | null
    readonly param: string | null
  }
}

const STATUS: Partial<Record<ErrorCode, readonly [status: ContentfulStatusCode, type: string]>> = {
  E_REQUEST: [400, 'invalid_request_error'],
  // an encoder is asked to write
  E_MODEL_ARCHITECTURE: [400, 'invalid_request_error'],
  E_TOO_LARGE: [413, 'invalid_request_error'],
  E_UNAUTHORIZED: [401, 'authentication_error'],
  E_BUSY: [429, 'rate_limit_error'],
  // the model is going away: the process is stopping
  E_ABORTED: [503, 'server_error'],
}

/** Status 499 is nginx's for a client that has gone; nobody reads it, but the log does. */
export const CLIENT_GONE = 499

/**
 * What to answer. An error that is not the client's fault shows its code only: messages of the engine name files of
 * this machine.
 * @param error data.status and data.openai take the place of the table's status and code
 */
export function httpError(error: unknown): { readonly status: ContentfulStatusCode; readonly body: ErrorBody } {
  const known = isCoveyError(error) ? STATUS[error.code] : undefined
  if (!isCoveyError(error) || known === undefined) {
    const code = isCoveyError(error) ? error.code : 'E_INTERNAL'
    const message = `the model could not answer (${code}); the server's log has the cause`
    return { status: 500, body: { error: { message, type: 'server_error', code, param: null } } }
  }
  const { status, openai, param } = error.data as { status?: ContentfulStatusCode; openai?: string; param?: string }
  const body = { message: error.message, type: known[1], code: openai ?? error.code, param: param ?? null }
  return { status: status ?? known[0], body: { error: body } }
}

/** An error with OpenAI's own code, where its clients look for one. */
export function requestError(
  message: string,
  data: { readonly param?: string; readonly status?: ContentfulStatusCode; readonly openai?: string },
): CoveyError {
  return new CoveyError('E_REQUEST', message, { ...data })
}
