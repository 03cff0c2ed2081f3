/** One question to the served model, over HTTP as any client would ask it. */
import { CoveyError } from '../../../src/base/errors.ts'
import type { Example } from '../../../src/types/data.ts'
import type { QuickstartResult } from './result.ts'

const ASK_TIMEOUT_MS = 60_000
const MAX_ANSWER_TOKENS = 48

/** Asks with a prompt of the held-out set, which no node has seen. @throws CoveyError E_REQUEST */
export async function askServed(
  url: string,
  model: string,
  test: readonly Example[],
  digest: string,
): Promise<NonNullable<QuickstartResult['served']>> {
  const question = test[0]?.prompt ?? 'Hello'
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, prompt: question, max_tokens: MAX_ANSWER_TOKENS, temperature: 0 }),
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
  })
  const body = (await response.json()) as { choices?: { text: string }[]; error?: { message: string } }
  const answer = body.choices?.[0]?.text
  if (!response.ok || answer === undefined)
    throw new CoveyError('E_REQUEST', `${url} answered ${response.status}: ${body.error?.message ?? 'no answer'}`)
  return { url, model, digest, question, answer }
}
