import { number, type Trade, words } from './trade.ts'
import { firstName, weekday } from './values.ts'

const medicine = words(
  'aspirin insulin ibuprofen penicillin codeine morphine iron zinc steroids antibiotics antacids eyedrops vitamins inhaler ointment syrup',
)
const bodyPart = words(
  'head back knee foot arm hand neck shoulder stomach chest ear eye throat leg hip elbow ankle wrist tooth nose',
)
const illness = words('flu measles tetanus polio rabies mumps malaria cholera typhoid hepatitis covid shingles')

export const clinic: Trade = {
  name: 'clinic',
  tools: [
    {
      name: 'see_doctor',
      slots: { doctor: firstName, day: weekday },
      ask: [
        'see doctor {doctor} on {day}',
        'book a visit to doctor {doctor} for {day}',
        'make an appointment with doctor {doctor} on {day}',
        'put me down for doctor {doctor} this {day}',
        'give me an appointment on {day} with doctor {doctor}',
        'schedule doctor {doctor} for {day}',
      ],
      say: [
        'is doctor {doctor} free on {day}',
        'I have to see doctor {doctor} on {day}',
        'on {day} I must talk to doctor {doctor}',
      ],
    },
    {
      name: 'cancel_visit',
      slots: { day: weekday, doctor: firstName },
      ask: [
        'cancel my {day} appointment with doctor {doctor}',
        'cancel the visit to doctor {doctor} on {day}',
        'call off my {day} visit to doctor {doctor}',
        'drop my appointment with doctor {doctor} on {day}',
        'cancel doctor {doctor} for me on {day}',
      ],
      say: [
        'I cannot come to doctor {doctor} on {day}',
        'I will miss doctor {doctor} on {day}',
        'I am not able to see doctor {doctor} on {day}',
      ],
    },
    {
      name: 'refill',
      slots: { drug: medicine, days: number(5, 90) },
      ask: [
        'refill my {drug} for {days} days',
        'renew my prescription of {drug} for {days} days',
        'give me more {drug} for {days} days',
        'order a refill of {drug} that lasts {days} days',
        'prescribe {drug} for the next {days} days',
      ],
      say: [
        'I need {drug} for {days} days',
        'my {drug} is used up, I need {days} days of it',
        'I am out of {drug}, refill {days} days',
      ],
    },
    {
      name: 'pain',
      slots: { where: bodyPart, days: number(2, 30) },
      ask: [
        'tell the nurse that my {where} hurts for {days} days',
        'write down that I have pain in my {where} since {days} days',
        'note {days} days of pain in my {where}',
        'help me, my {where} hurts for {days} days now',
        'look at my {where}, it has been sore for {days} days',
      ],
      say: [
        'my {where} hurts for {days} days',
        'I have had pain in my {where} for {days} days',
        'for {days} days my {where} has been sore',
      ],
    },
    {
      name: 'vaccine',
      slots: { who: firstName, against: illness },
      ask: [
        'give {who} a shot against {against}',
        'vaccinate {who} against {against}',
        'give {who} the {against} vaccine',
        'get {who} a {against} shot',
        'arrange a {against} vaccine for {who}',
      ],
      say: [
        '{who} needs a vaccine against {against}',
        'do you have the {against} vaccine for {who}',
        'when can {who} get a {against} shot',
        'my child {who} has to get the {against} vaccine',
      ],
    },
    {
      name: 'lab_result',
      slots: { sample: number(100, 999) },
      ask: [
        'tell me the result of blood test {sample}',
        'look up the lab result {sample}',
        'read me the result of sample {sample}',
        'send me the lab result of sample {sample}',
        'check if blood test {sample} is done',
      ],
      say: [
        'is my blood test {sample} ready',
        'what came out of lab sample {sample}',
        'I wait for the lab result {sample}',
      ],
    },
  ],
}
