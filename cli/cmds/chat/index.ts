import { defineCommand } from '../../command.ts'
import { chatOptions } from './options.ts'

/** `covey chat`: talk to a model. */
export const chat = defineCommand({
  name: 'chat',
  summary: 'Talk to a model: one question, or a conversation',
  description:
    'With a message: answers it and ends. Without: reads lines until end of input (Ctrl-D) and keeps the conversation.',
  examples: [
    "covey chat 'Which rooms are free on Friday?' --adapter ./adapter",
    "covey chat --raw 'Utterance: my card is gone\nIntent:'",
  ],
  args: [{ name: 'message', help: 'what to say', required: false }],
  options: chatOptions,
  handler: async () => (await import('./handler.ts')).chatHandler,
})
