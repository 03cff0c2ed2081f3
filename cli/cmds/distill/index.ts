import { defineCommand } from '../../command.ts'
import { distillOptions } from './options.ts'

/** `covey distill`: a student learns from teachers. */
export const distill = defineCommand({
  name: 'distill',
  summary: 'Train an adapter on what teachers say: their probabilities, or the texts they write',
  description:
    "As covey train, with teachers. Of models on this machine that have the student's vocabulary the student learns the probability of every token (Hinton, Vinyals, Dean 2015): the loss is (1 − mix) of the labels' and mix·T² of the divergence from the teachers' average. A teacher behind a URL writes completions, and what it thought before, in place of the labels; they are kept as answers.jsonl in --out, and a run that goes on asks nothing twice. Nothing leaves the machine but the prompts for --teacher-url.",
  examples: [
    "covey distill requests.jsonl --teacher ./big-merged --prompt 'Utterance: {text}\\nIntent:' --completion ' {intent}' --test held-out.jsonl",
    'covey distill chats.jsonl --model ./small --teacher ./a --teacher ./b=2 --method full --temperature 3 --mix 0.7',
    "covey distill questions.jsonl --teacher-url http://127.0.0.1:8000/v1 --teacher-model big --prompt '{question}' --out ./adapter",
  ],
  args: [{ name: 'file', help: '.jsonl or .jsonl.gz', required: true }],
  options: distillOptions,
  handler: async () => (await import('./handler.ts')).distillHandler,
})
