import { number, type Trade, words } from './trade.ts'
import { city, firstName } from './values.ts'

const policy = number(100, 999)
const thing = words('car house boat bike phone truck horse piano laptop camera garage barn caravan tractor ring')
const harm = words('fire flood storm hail theft crash lightning frost earthquake burglary vandalism landslide')

export const insurance: Trade = {
  name: 'insurance',
  tools: [
    {
      name: 'claim',
      slots: { thing, cause: harm },
      ask: [
        'file a claim for my {thing} after the {cause}',
        'open a claim, my {thing} was hit by {cause}',
        'claim the damage of the {cause} to my {thing}',
        'make a {cause} claim for my {thing}',
        'put in a claim for the {thing} because of {cause}',
      ],
      say: ['the {cause} ruined my {thing}', 'I lost my {thing} through {cause}', 'my {thing} was damaged by {cause}'],
    },
    {
      name: 'insure',
      slots: { thing, value: number(500, 9500, 100) },
      ask: [
        'insure my {thing} for {value} dollars',
        'cover my {thing} up to {value} dollars',
        'take out insurance on my {thing}, {value} dollars',
        'give me cover of {value} dollars for the {thing}',
        'insure a new {thing} worth {value} dollars',
      ],
      say: [
        'I want my {thing} insured for {value} dollars',
        'my {thing} is worth {value} dollars and needs cover',
        'what does it cost to insure a {thing} of {value} dollars',
      ],
    },
    {
      name: 'claim_status',
      slots: { claim: number(1000, 9999) },
      ask: [
        'check the status of claim {claim}',
        'tell me how my claim {claim} is going',
        'look up claim {claim}',
        'see if claim {claim} was accepted',
        'find out if you paid claim {claim}',
      ],
      say: [
        'what is happening with claim {claim}',
        'did you accept my claim {claim}',
        'is claim {claim} paid yet',
        'any news about claim {claim}',
      ],
    },
    {
      name: 'end_policy',
      slots: { policy },
      ask: [
        'cancel my policy {policy}',
        'end the policy {policy}',
        'close insurance policy {policy}',
        'terminate policy {policy} at the end of the year',
        'stop my insurance with the policy number {policy}',
      ],
      say: [
        'I do not want policy {policy} any more',
        'I leave, please end policy {policy}',
        'policy {policy} is too dear, cancel it',
      ],
    },
    {
      name: 'add_driver',
      slots: { driver: firstName, policy },
      ask: [
        'add {driver} as a driver to policy {policy}',
        'put {driver} on policy {policy} as a driver',
        'let {driver} drive under policy {policy}',
        'include {driver} as a second driver in policy {policy}',
        'write {driver} into policy {policy} as a driver',
      ],
      say: [
        '{driver} drives my car too, policy {policy}',
        '{driver} should be a driver on policy {policy}',
        'policy {policy} needs {driver} as a driver',
      ],
    },
    {
      name: 'tow',
      slots: { thing: words('car truck van bus bike caravan jeep motorcycle taxi tractor trailer'), city },
      ask: [
        'tow my {thing} from {city}',
        'send a tow truck for my {thing} near {city}',
        'get my broken {thing} home from {city}',
        'send road help for my {thing} to {city}',
        'pull my {thing} out of a ditch near {city}',
      ],
      say: [
        'my {thing} broke down near {city}',
        'I am stuck in {city} with my {thing}',
        'the {thing} will not start in {city}',
      ],
    },
  ],
}
