import { expect } from 'chai'
import { Output, publicUrl, toJson } from '../../cli/output.ts'
import { CoveyError } from '../../src/base/errors.ts'

function capture(json: boolean): { output: Output; out: () => string; err: () => string } {
  let [out, err] = ['', '']
  const stream = (add: (text: string) => void) => ({ write: add, isTTY: true })
  const streams = { stdout: stream((t) => (out += t)), stderr: stream((t) => (err += t)) }
  return { output: new Output(json, streams), out: () => out, err: () => err }
}

describe('CLI output', () => {
  it('gives people lines and programs one object', () => {
    const [people, program] = [capture(false), capture(true)]
    for (const { output } of [people, program]) {
      output.line('hello')
      output.progress('half')
      output.result({ amount: 10n ** 30n })
    }
    expect(people.out()).to.equal('hello\n')
    expect(people.err()).to.include('half')
    expect(program.out()).to.equal('{"amount":"1000000000000000000000000000000"}\n')
    expect(program.err()).to.equal('')
  })

  it('explains an error by message, remedy and code; unknown ones are ours', () => {
    const [people, program] = [capture(false), capture(true)]
    people.output.error(new CoveyError('E_PORT', 'port 1 is in use'))
    expect(people.err()).to.match(/^error: port 1 is in use\n {2}to do: choose another --port.*\n {2}code: E_PORT\n$/)
    program.output.error(new Error('oops'))
    expect(JSON.parse(program.out())).to.deep.include.keys('error').and.have.nested.property('error.code', 'E_INTERNAL')
  })

  it('shows no secret, wherever it would appear', () => {
    const { output, out, err } = capture(false)
    output.hide('open sesame')
    output.hide('a')
    output.line('the password is open sesame, a fine one')
    output.error(new CoveyError('E_PASSWORD', 'open sesame is wrong'))
    expect(out()).to.equal('the password is ***, a fine one\n')
    expect(err()).to.include('*** is wrong')
  })

  it('shortens addresses that may hold a key', () => {
    expect(publicUrl('https://user:pw@rpc.example/v3/KEY?x=1')).to.equal('https://rpc.example/…')
    expect(publicUrl('http://127.0.0.1:8545')).to.equal('http://127.0.0.1:8545')
    expect(publicUrl('?')).to.equal('(not a URL)')
    expect(toJson({ a: 1n, b: 'x' })).to.equal('{"a":"1","b":"x"}')
  })
})
