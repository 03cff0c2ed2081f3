import { number, type Trade, words } from './trade.ts'
import { color } from './values.ts'

const clothing = words('shirt jacket dress coat hat scarf skirt sweater belt bag vest suit blouse cap tie robe')
const order = number(1000, 9999)

export const shop: Trade = {
  name: 'shop',
  tools: [
    {
      name: 'buy',
      slots: { color, item: clothing },
      ask: [
        'buy the {color} {item}',
        'order a {color} {item} for me',
        'put a {color} {item} in my basket',
        'sell me a {color} {item}',
        'add the {color} {item} to my cart',
        'get me one {color} {item}',
      ],
      say: ['I will take the {color} {item}', 'I want a {color} {item}', 'one {color} {item} for me'],
    },
    {
      name: 'return',
      slots: { item: clothing, order },
      ask: [
        'return the {item} of order {order}',
        'send back the {item} from order {order}',
        'take back the {item} of my order {order}',
        'give back the {item} that came with order {order}',
        'return my {item}, order {order}',
      ],
      say: [
        'the {item} of order {order} does not fit',
        'I do not like the {item} from order {order}',
        'the {item} in order {order} goes back',
      ],
    },
    {
      name: 'track_order',
      slots: { order },
      ask: [
        'track my order {order}',
        'tell me where my order {order} is',
        'check the state of order {order}',
        'see how far order {order} is',
        'look up my order {order}',
      ],
      say: [
        'where is my order {order}',
        'when will order {order} arrive',
        'my order {order} has not come yet',
        'is order {order} on its way',
      ],
    },
    {
      name: 'in_stock',
      slots: { item: clothing, size: number(30, 60) },
      ask: [
        'check if you have the {item} in size {size}',
        'see if the {item} comes in size {size}',
        'find out if size {size} of the {item} is in stock',
        'look for a {item} in size {size}',
        'see if there is a {item} left in size {size}',
      ],
      say: [
        'do you have this {item} in size {size}',
        'is the {item} in stock in size {size}',
        'is there a {item} of size {size}',
      ],
    },
    {
      name: 'coupon',
      slots: { percent: number(5, 75), order },
      ask: [
        'use my {percent} percent coupon for order {order}',
        'take {percent} percent off order {order}',
        'apply the {percent} percent discount to order {order}',
        'put a {percent} percent coupon on order {order}',
        'lower order {order} by {percent} percent',
      ],
      say: [
        'I have a {percent} percent coupon for order {order}',
        'order {order} should be {percent} percent cheaper',
        '{percent} percent discount on order {order}',
      ],
    },
    {
      name: 'gift',
      slots: { item: clothing, paper: color },
      ask: [
        'wrap the {item} in {paper} paper',
        'pack the {item} as a gift in {paper} paper',
        'make the {item} a gift with {paper} paper',
        'gift wrap the {item}, {paper} paper',
        'put the {item} in {paper} gift paper',
      ],
      say: [
        'the {item} is a gift, use {paper} paper',
        'I want {paper} paper around the {item}',
        '{paper} gift paper for the {item}',
      ],
    },
  ],
}
