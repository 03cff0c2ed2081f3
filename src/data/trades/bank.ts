import { number, type Trade, words } from './trade.ts'
import { firstName, month } from './values.ts'

const account = words('checking savings joint business student travel family holiday')
const currency = words('euros pounds dollars francs yen pesos rupees kroner dinars rand')

export const bank: Trade = {
  name: 'bank',
  tools: [
    {
      name: 'transfer',
      slots: { amount: number(5, 995, 5), to: firstName },
      ask: [
        'send {amount} dollars to {to}',
        'transfer {amount} dollars to {to}',
        'transfer {amount} to the account of {to}',
        'send {to} {amount} dollars',
        'make a transfer of {amount} dollars to {to}',
        'move {amount} dollars from my account to {to}',
      ],
      say: [
        '{to} should get {amount} dollars from me',
        'I owe {to} {amount} dollars, send it now',
        'a transfer to {to}, {amount} dollars',
      ],
    },
    {
      name: 'balance',
      slots: { account, owner: firstName },
      ask: [
        'check the balance of the {account} account of {owner}',
        'tell me the balance of the {account} account for {owner}',
        'show me the {account} account balance of {owner}',
        'look up how much {owner} has in the {account} account',
        'tell me how much money the {account} account of {owner} holds',
      ],
      say: [
        'how much money does {owner} have in the {account} account',
        'what is the balance of the {account} account of {owner}',
        'the {account} account balance for {owner}',
      ],
    },
    {
      name: 'block_card',
      slots: { card: number(1000, 9999) },
      ask: [
        'block my card ending in {card}',
        'block the card {card}',
        'stop card {card} at once, it was stolen',
        'freeze my bank card {card}',
        'block my stolen card with the number {card}',
      ],
      say: [
        'I lost my card {card}',
        'someone stole my card ending in {card}',
        'my bank card {card} is missing',
        'card {card} is lost',
      ],
    },
    {
      name: 'exchange',
      slots: { amount: number(10, 990, 10), currency },
      ask: [
        'change {amount} {currency} into my own money',
        'exchange {amount} {currency}',
        'buy {amount} {currency} for my trip',
        'get {amount} {currency} in cash for my holiday',
        'exchange my money for {amount} {currency}',
      ],
      say: [
        'I need {amount} {currency} in cash',
        'what is the rate for {amount} {currency}',
        'I have {amount} {currency} to exchange',
      ],
    },
    {
      name: 'loan',
      slots: { amount: number(1000, 90000, 1000) },
      ask: [
        'apply for a loan of {amount} dollars',
        'borrow {amount} dollars',
        'ask for a loan over {amount} dollars',
        'take out a {amount} dollar loan',
        'get a loan of {amount}',
      ],
      say: [
        'I would like to borrow {amount} dollars',
        'can I have a loan of {amount} dollars',
        'how do I get a {amount} dollar loan',
      ],
    },
    {
      name: 'statement',
      slots: { month, year: number(2005, 2025) },
      ask: [
        'send me the bank statement for {month} {year}',
        'print my {month} {year} statement',
        'give me the account statement of {month} {year}',
        'email me my bank statement from {month} {year}',
        'mail the bank statement of {month} {year} to me',
      ],
      say: [
        'I need my bank statement for {month} {year}',
        'where is my statement of {month} {year}',
        'the {month} {year} statement did not come',
      ],
    },
  ],
}
