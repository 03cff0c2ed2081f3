import { number, type Trade, words } from './trade.ts'
import { firstName } from './values.ts'

const machine = words(
  'press lathe mixer pump drill oven robot crane saw welder conveyor grinder boiler cutter packer loader furnace turbine',
)
const material = words(
  'steel copper rubber glass plastic oil sand cement timber wire paint glue foam zinc nickel carbon',
)

export const plant: Trade = {
  name: 'plant',
  tools: [
    {
      name: 'stop',
      slots: { machine, line: number(1, 40) },
      ask: [
        'stop the {machine} on line {line}',
        'switch off the {machine} of line {line}',
        'shut down the {machine} on line {line}',
        'halt the {machine} at line {line} now',
        'turn off the {machine} on line {line}',
      ],
      say: [
        'the {machine} on line {line} must stop',
        'line {line} has to stop its {machine}',
        'emergency, stop the {machine} of line {line}',
      ],
    },
    {
      name: 'start',
      slots: { machine, line: number(1, 40) },
      ask: [
        'start the {machine} on line {line}',
        'switch on the {machine} of line {line}',
        'run the {machine} on line {line}',
        'start up the {machine} at line {line}',
        'turn on the {machine} on line {line}',
      ],
      say: [
        'the {machine} on line {line} may start',
        'line {line} is ready, start its {machine}',
        'bring the {machine} of line {line} up',
      ],
    },
    {
      name: 'set_speed',
      slots: { machine, rpm: number(50, 950, 10) },
      ask: [
        'set the speed of the {machine} to {rpm}',
        'run the {machine} at {rpm} turns a minute',
        'change the {machine} speed to {rpm}',
        'bring the {machine} to a speed of {rpm}',
        'set the {machine} to {rpm} rpm',
      ],
      say: [
        'the {machine} should turn at {rpm} rpm',
        'I want the {machine} speed at {rpm}',
        '{rpm} rpm for the {machine}',
      ],
    },
    {
      name: 'order_stock',
      slots: { tons: number(2, 80), material },
      ask: [
        'order {tons} tons of {material}',
        'get {tons} tons of {material} for the store',
        'buy {tons} more tons of {material}',
        'restock {tons} tons of {material}',
        'have {tons} tons of {material} brought in',
      ],
      say: [
        'we need {tons} tons of {material}',
        'we are out of {material}, order {tons} tons',
        'the store wants {tons} tons of {material}',
      ],
    },
    {
      name: 'maintain',
      slots: { machine, hour: number(6, 22) },
      ask: [
        'plan maintenance of the {machine} at {hour}',
        'have the {machine} oiled at {hour}',
        'put the {machine} down for maintenance at {hour}',
        'send a mechanic to the {machine} at {hour}',
        'schedule a service of the {machine} for {hour}',
      ],
      say: [
        'the {machine} needs maintenance at {hour}',
        'the {machine} is due for service at {hour}',
        'a mechanic should look at the {machine} at {hour}',
      ],
    },
    {
      name: 'assign_shift',
      slots: { worker: firstName, shift: words('day night early late morning evening weekend') },
      ask: [
        'put {worker} on the {shift} shift',
        'give {worker} the {shift} shift',
        'assign {worker} to the {shift} shift',
        'move {worker} to the {shift} shift',
        'write {worker} into the {shift} shift',
      ],
      say: [
        '{worker} works the {shift} shift',
        '{worker} will take the {shift} shift',
        'the {shift} shift goes to {worker}',
      ],
    },
  ],
}
