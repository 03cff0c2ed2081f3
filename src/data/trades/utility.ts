import { number, type Trade, words } from './trade.ts'
import { month } from './values.ts'

const street = words(
  'Oak Elm Maple Cedar Pine Hill Park Lake River Church Mill Station Market Garden Bridge Castle Forest Spring Meadow Harbor Ocean Valley Sunset Rose',
)
const supply = words('water gas power heating electricity')

export const utility: Trade = {
  name: 'utility',
  tools: [
    {
      name: 'meter',
      slots: { supply, value: number(1000, 9999) },
      ask: [
        'enter {value} for my {supply} meter',
        'note the {supply} meter reading {value}',
        'write down {value} as my {supply} reading',
        'record a {supply} meter reading of {value}',
        'take {value} as the new {supply} reading',
      ],
      say: ['my {supply} meter shows {value}', 'the {supply} meter reads {value}', 'the {supply} reading is {value}'],
    },
    {
      name: 'outage',
      slots: { supply, street },
      ask: [
        'report that there is no {supply} in {street} street',
        'tell the crew that {street} street has no {supply}',
        'fix the {supply} in {street} street',
        'restore the {supply} in {street} street',
        'get the {supply} back in {street} street',
      ],
      say: [
        'we have no {supply} in {street} street',
        'the {supply} is out in {street} street',
        '{street} street is without {supply}',
      ],
    },
    {
      name: 'pay_bill',
      slots: { supply, amount: number(10, 400) },
      ask: [
        'pay my {supply} bill of {amount} dollars',
        'pay {amount} dollars for {supply}',
        'pay the {amount} dollars that I owe for {supply}',
        'settle the {supply} bill over {amount} dollars',
        'pay off {amount} dollars of my {supply} bill',
      ],
      say: [
        'I want to pay {amount} dollars for {supply}',
        'here are {amount} dollars for the {supply} bill',
        'my {supply} bill is {amount} dollars, I pay now',
      ],
    },
    {
      name: 'usage',
      slots: { supply, month },
      ask: [
        'show me how much {supply} I used in {month}',
        'tell me my {supply} use in {month}',
        'look up the {supply} that I used in {month}',
        'compare my {supply} use of {month}',
        'list my {month} use of {supply}',
      ],
      say: [
        'how much {supply} did I use in {month}',
        'what was my {supply} use in {month}',
        'did we use much {supply} in {month}',
      ],
    },
    {
      name: 'connect',
      slots: { supply, street },
      ask: [
        'connect my new house in {street} street to {supply}',
        'bring a new {supply} line to the house in {street} street',
        'lay {supply} to my new home in {street} street',
        'set up {supply} for a new flat in {street} street',
        'sign up my new place in {street} street for {supply}',
      ],
      say: [
        'my new house in {street} street needs {supply}',
        'I move into {street} street and want {supply}',
        'new {supply} contract for {street} street',
      ],
    },
    {
      name: 'leak',
      slots: { street, house: number(2, 99) },
      ask: [
        'report a leak at {house} {street} street',
        'send someone, a pipe leaks at {house} {street} street',
        'repair the leaking pipe at {house} {street} street',
        'stop the leak at {house} {street} street',
        'have the leak at {house} {street} street closed',
      ],
      say: [
        'a pipe is leaking at {house} {street} street',
        'there is a leak at {house} {street} street',
        'I smell a leak at {house} {street} street',
      ],
    },
  ],
}
