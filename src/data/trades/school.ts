import { number, type Trade, words } from './trade.ts'
import { firstName, weekday } from './values.ts'

const subject = words(
  'math history music physics art biology chemistry geography french english german sports drama latin algebra poetry',
)

export const school: Trade = {
  name: 'school',
  tools: [
    {
      name: 'absent',
      slots: { pupil: firstName, day: weekday },
      ask: [
        'mark {pupil} as absent on {day}',
        'excuse {pupil} from class on {day}',
        'note that {pupil} stays home on {day}',
        'sign {pupil} off sick for {day}',
        'put {pupil} on the absent list of {day}',
      ],
      say: [
        '{pupil} is sick and cannot come to class on {day}',
        '{pupil} will be absent on {day}',
        '{pupil} was not in class on {day}',
      ],
    },
    {
      name: 'grade',
      slots: { pupil: firstName, subject },
      ask: [
        'tell me the grade of {pupil} in {subject}',
        'show me the {subject} grade of {pupil}',
        'look up the mark {pupil} got in {subject}',
        'check the {subject} mark of {pupil}',
        'find the grade that {pupil} has in {subject}',
      ],
      say: [
        'what grade does {pupil} have in {subject}',
        'how good is {pupil} in {subject}',
        'which {subject} grade did {pupil} get',
      ],
    },
    {
      name: 'homework',
      slots: { subject, page: number(2, 250) },
      ask: [
        'give {subject} homework from page {page}',
        'set page {page} as homework in {subject}',
        'write down the {subject} homework on page {page}',
        'add page {page} to the {subject} homework',
        'post the {subject} homework, page {page}',
      ],
      say: [
        'the {subject} homework is page {page}',
        'for homework in {subject} they read page {page}',
        '{subject} homework: page {page}',
      ],
    },
    {
      name: 'exam',
      slots: { subject, day: weekday },
      ask: [
        'plan the {subject} exam for {day}',
        'set the {subject} exam on {day}',
        'put a {subject} exam on {day}',
        'hold the {subject} exam this {day}',
        'move the {subject} exam to {day}',
      ],
      say: [
        'the {subject} exam is on {day}',
        'on {day} the class writes an exam in {subject}',
        'there is a {subject} exam on {day}',
      ],
    },
    {
      name: 'enroll',
      slots: { child: firstName, class: number(1, 60) },
      ask: [
        'enroll {child} in class {class}',
        'sign {child} up for class {class}',
        'add {child} to class {class}',
        'register {child} for class {class}',
        'put {child} into class {class} from now on',
      ],
      say: ['{child} is new in class {class}', '{child} joins class {class}', '{child} wants to be in class {class}'],
    },
    {
      name: 'lunch',
      slots: { meals: number(2, 95) },
      ask: [
        'order {meals} school lunches',
        'get {meals} lunches for the pupils',
        'cook {meals} lunches in the school kitchen',
        'prepare lunch for {meals} pupils',
        'have {meals} lunches ready at noon',
      ],
      say: ['we need {meals} lunches today', '{meals} pupils eat lunch at school', 'lunch for {meals} children'],
    },
  ],
}
