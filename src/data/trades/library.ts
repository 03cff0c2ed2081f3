import { number, type Trade, words } from './trade.ts'
import { firstName, weekday } from './values.ts'

const topic = words(
  'birds space cooking gardens trains castles dragons horses chess painting ships whales pirates robots volcanoes insects dogs cats wolves magic',
)
const book = number(100, 999)

export const library: Trade = {
  name: 'library',
  tools: [
    {
      name: 'find_book',
      slots: { topic, author: firstName },
      ask: [
        'find a book about {topic} by {author}',
        'search for books on {topic} written by {author}',
        'show me a book about {topic} from {author}',
        'look for a book by {author} about {topic}',
        'get me something to read about {topic} by {author}',
      ],
      say: [
        'do you have books about {topic} by {author}',
        'I look for a book on {topic} by {author}',
        '{author} wrote a book about {topic}, do you have it',
      ],
    },
    {
      name: 'borrow_book',
      slots: { book, weeks: number(2, 12) },
      ask: [
        'borrow book {book} for {weeks} weeks',
        'lend me book {book} for {weeks} weeks',
        'take book {book} home for {weeks} weeks',
        'check out book {book} for {weeks} weeks',
        'give me book {book} for {weeks} weeks',
      ],
      say: [
        'I want book {book} for {weeks} weeks',
        'can I keep book {book} for {weeks} weeks',
        'I would like to read book {book}, {weeks} weeks',
      ],
    },
    {
      name: 'renew_book',
      slots: { book },
      ask: [
        'renew book {book}',
        'extend the loan of book {book}',
        'let me keep book {book} longer',
        'give me more time for book {book}',
        'renew the loan for book {book}',
      ],
      say: [
        'I am not done with book {book}',
        'I need more time to read book {book}',
        'book {book} is due but I still read it',
        'I have not finished book {book}',
      ],
    },
    {
      name: 'reserve_book',
      slots: { book, name: firstName },
      ask: [
        'reserve book {book} for {name}',
        'put book {book} aside for {name}',
        'hold book {book} for {name}',
        'keep book {book} back for {name}',
        'set aside book {book} under the name {name}',
      ],
      say: [
        '{name} would like to have book {book} next',
        '{name} waits for book {book}',
        'book {book} is for {name} when it comes back',
      ],
    },
    {
      name: 'fine',
      slots: { member: number(1000, 9999) },
      ask: [
        'tell me the fine of member {member}',
        'look up what member {member} owes in late fees',
        'check the late fee of member {member}',
        'see if member {member} has a fine',
        'show the fines on member card {member}',
      ],
      say: [
        'how high is the fine of member {member}',
        'does member {member} owe a late fee',
        'member {member} wants to know the fine',
        'what are the late fees of member {member}',
      ],
    },
    {
      name: 'reading_group',
      slots: { topic, day: weekday },
      ask: [
        'sign me up for the {topic} reading group on {day}',
        'join the reading group about {topic} on {day}',
        'put me in the {day} reading group on {topic}',
        'add me to the {topic} group that meets on {day}',
        'give me a seat in the {topic} reading group this {day}',
      ],
      say: [
        'I come to the {topic} reading group on {day}',
        'is there a place in the {day} group about {topic}',
        'the {topic} reading group on {day} sounds nice',
      ],
    },
  ],
}
