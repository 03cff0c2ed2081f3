import { createInterface } from 'node:readline/promises'
import { foldForDecoding } from '../../../src/adapter/merge.ts'
import { virtualTokens } from '../../../src/adapter/method.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { promptIds } from '../../../src/data/prompt-ids.ts'
import { complete } from '../../../src/serve/completion.ts'
import type { ServedModel } from '../../../src/serve/model-slot.ts'
import { stopIdsOf } from '../../../src/serve/stop-ids.ts'
import type { ChatMessage } from '../../../src/types/data.ts'
import type { Handler } from '../../command.ts'
import { configOf, engineOf, openAdapter, openModel } from '../../common.ts'
import type { chatOptions } from './options.ts'

interface Answer {
  readonly answer: string
  readonly finish: 'stop' | 'length'
  readonly tokens: number
}

export const chatHandler: Handler<typeof chatOptions> = async (options, [message = ''], context) => {
  const { output, signal } = context
  const config = configOf(
    {
      dir: options.dir,
      model: options.model,
      engine: options.engine,
      device: options.device,
      threads: options.threads,
    },
    context,
  )
  const { model, tokenizer } = await openModel(config, signal)
  const adapter = await openAdapter(options.adapter, model)
  const { model: folded, beside } = foldForDecoding(model, adapter?.adapter ?? null)
  const layout = beside?.layout ?? null
  const engine = await engineOf(config)
  const inference = await engine.openInference({ model: folded, layout, threads: config.settings.threads ?? 0 })
  if (beside !== null) inference.setAdapter(beside.values)
  const contextTokens = model.config.maxPositions - virtualTokens(layout)
  const served: ServedModel = {
    id: model.name,
    inference,
    tokenizer,
    baseDigest: model.digest,
    adapterDigest: adapter?.digest ?? null,
    contextTokens,
    stopIds: stopIdsOf(tokenizer, model.config),
  }
  const system: ChatMessage[] = options.system === null ? [] : [{ role: 'system', content: options.system }]

  const ask = async (prompt: string): Promise<Answer> => {
    const ids = promptIds(tokenizer, prompt)
    const room = contextTokens - ids.length
    if (room < 1 || ids.length === 0) {
      const expected = `expected 1 to ${contextTokens - 1} tokens (the model's context)`
      throw new CoveyError('E_REQUEST', `the conversation: ${expected}, got ${ids.length}; begin a new one`)
    }
    const { temperature, topP, seed, stop: stops } = options
    const request = { prompts: [ids], maxTokens: Math.min(options.maxTokens, room), temperature, topP, seed, stops }
    const out = { answer: '', finish: 'length' as Answer['finish'], tokens: 0 }
    for await (const piece of complete(served, request, signal)) {
      output.write(piece.text)
      out.answer += piece.text
      out.tokens = piece.tokens
      out.finish = piece.finish ?? out.finish
    }
    output.line()
    return out
  }

  try {
    if (message !== '') {
      const prompt = options.raw ? message : tokenizer.chat([...system, { role: 'user', content: message }], true)
      return { model: model.name, adapterDigest: adapter?.digest ?? null, ...(await ask(prompt)) }
    }
    const messages = [...system]
    const reader = createInterface({
      input: process.stdin,
      ...(process.stdin.isTTY ? { output: process.stderr, prompt: '> ' } : {}),
    })
    signal.addEventListener('abort', () => reader.close(), { once: true })
    // a pipe may have ended while an answer was made: asking again would throw
    let ended = false
    reader.once('close', () => {
      ended = true
    })
    const askAgain = (): void => {
      if (process.stdin.isTTY && !ended) reader.prompt()
    }
    askAgain()
    for await (const line of reader) {
      if (line.trim() !== '') {
        messages.push({ role: 'user', content: line })
        const answer = await ask(options.raw ? line : tokenizer.chat(messages, true))
        messages.push({ role: 'assistant', content: answer.answer })
        output.event(answer)
      }
      askAgain()
    }
    return undefined
  } finally {
    await inference.close()
  }
}
