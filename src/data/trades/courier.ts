import { number, type Trade } from './trade.ts'
import { city, firstName, weekday } from './values.ts'

const parcel = number(100, 999)

export const courier: Trade = {
  name: 'courier',
  tools: [
    {
      name: 'ship',
      slots: { kilos: number(2, 60), city },
      ask: [
        'ship a parcel of {kilos} kilos to {city}',
        'send a {kilos} kilo box to {city}',
        'deliver {kilos} kilos of goods to {city}',
        'post a package of {kilos} kilos to {city}',
        'bring my {kilos} kilo package to {city}',
      ],
      say: [
        'I have a {kilos} kilo box for {city}',
        'a parcel of {kilos} kilos has to go to {city}',
        '{kilos} kilos to {city}',
      ],
    },
    {
      name: 'pickup',
      slots: { day: weekday, city },
      ask: [
        'pick up a parcel in {city} on {day}',
        'collect my package on {day} in {city}',
        'fetch the box in {city} on {day}',
        'come for a package in {city} this {day}',
        'send a driver to {city} on {day}',
      ],
      say: [
        'a parcel waits in {city} on {day}',
        'on {day} you can fetch the package in {city}',
        'pickup in {city}, {day}',
      ],
    },
    {
      name: 'locate',
      slots: { parcel },
      ask: [
        'locate parcel {parcel}',
        'tell me where parcel {parcel} is now',
        'find my parcel {parcel}',
        'trace the package {parcel}',
        'look for package {parcel} on the map',
      ],
      say: [
        'where is parcel {parcel}',
        'my package {parcel} is late',
        'which truck has parcel {parcel}',
        'did parcel {parcel} get there',
      ],
    },
    {
      name: 'redirect',
      slots: { parcel, city },
      ask: [
        'redirect parcel {parcel} to {city}',
        'send parcel {parcel} to {city} instead',
        'change the address of parcel {parcel} to {city}',
        'bring package {parcel} to {city}, not to my home',
        'have parcel {parcel} sent on to {city}',
      ],
      say: [
        'parcel {parcel} should go to {city} instead',
        'I moved, parcel {parcel} must go to {city}',
        'the new address of package {parcel} is in {city}',
      ],
    },
    {
      name: 'damaged',
      slots: { parcel },
      ask: [
        'report that parcel {parcel} is damaged',
        'file a complaint, package {parcel} came broken',
        'note that the box of parcel {parcel} is torn',
        'write down that parcel {parcel} arrived wet',
        'complain about the broken parcel {parcel}',
      ],
      say: [
        'parcel {parcel} is damaged',
        'the package {parcel} came broken',
        'parcel {parcel} has a hole',
        'everything in package {parcel} is broken',
      ],
    },
    {
      name: 'sign_for',
      slots: { parcel, name: firstName },
      ask: [
        'let {name} sign for parcel {parcel}',
        'give parcel {parcel} to {name}',
        'hand package {parcel} over to {name}',
        'leave parcel {parcel} with my neighbor {name}',
        'allow {name} to take parcel {parcel}',
      ],
      say: [
        '{name} may sign for parcel {parcel}',
        '{name} will take package {parcel} for me',
        'parcel {parcel} can go to {name} next door',
      ],
    },
  ],
}
