import { number, type Trade, words } from './trade.ts'
import { firstName } from './values.ts'

const room = number(101, 799)
const dish = words(
  'pizza soup salad pasta steak burger toast coffee tea wine beer juice cake omelette sandwich pancakes fish rice chicken fruit',
)

export const hotel: Trade = {
  name: 'hotel',
  tools: [
    {
      name: 'book_room',
      slots: { nights: number(2, 28), guest: firstName },
      ask: [
        'book a room for {nights} nights for {guest}',
        'reserve a room for {guest} for {nights} nights',
        'keep a room free for {guest}, {nights} nights',
        'get {guest} a room for {nights} nights',
        'book {guest} in for {nights} nights',
      ],
      say: [
        '{guest} needs a room for {nights} nights',
        '{guest} would like to stay {nights} nights',
        'a room for {guest}, {nights} nights',
      ],
    },
    {
      name: 'room_service',
      slots: { dish, room },
      ask: [
        'bring {dish} to room {room}',
        'send {dish} up to room {room}',
        'serve {dish} in room {room}',
        'get some {dish} to room {room}',
        'take {dish} up to the guests in room {room}',
      ],
      say: ['room {room} would like {dish}', 'room {room} is hungry, {dish} for them', 'room {room} asks for {dish}'],
    },
    {
      name: 'clean',
      slots: { room },
      ask: [
        'clean room {room}',
        'have room {room} cleaned',
        'send the maid to room {room}',
        'make the beds in room {room}',
        'tidy up room {room}',
      ],
      say: [
        'room {room} is dirty',
        'room {room} was not cleaned',
        'the floor of room {room} needs cleaning',
        'the bed in room {room} is not made',
      ],
    },
    {
      name: 'towels',
      slots: { count: number(2, 12), room },
      ask: [
        'bring {count} towels to room {room}',
        'send {count} clean towels to room {room}',
        'put {count} towels in room {room}',
        'take {count} more towels to room {room}',
        'leave {count} towels at room {room}',
      ],
      say: [
        'room {room} needs {count} towels',
        'we want {count} towels in room {room}',
        '{count} fresh towels for room {room}',
      ],
    },
    {
      name: 'wake_up',
      slots: { room, hour: number(4, 11) },
      ask: [
        'wake room {room} at {hour}',
        'give room {room} a wake up call at {hour}',
        'call room {room} at {hour} in the morning',
        'wake the guest in room {room} at {hour}',
        'ring room {room} up at {hour}',
      ],
      say: [
        'room {room} wants to be woken at {hour}',
        'room {room} gets up at {hour}, wake them',
        'a wake up call for room {room} at {hour}',
      ],
    },
    {
      name: 'check_out',
      slots: { room },
      ask: [
        'check out room {room}',
        'check me out of room {room}',
        'close the bill of room {room}',
        'prepare the bill for room {room}, we leave',
        'let room {room} check out',
      ],
      say: [
        'room {room} is leaving the hotel',
        'we leave room {room} today',
        'I want the bill of room {room}',
        'room {room} checks out',
      ],
    },
  ],
}
