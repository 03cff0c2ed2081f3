import { expect } from 'chai'
import { CommanderError } from 'commander'
import { decimal, defineCommand, flag, integer, list, matching, oneOf, option, text } from '../../cli/command.ts'
import { COMMANDS } from '../../cli/commands.ts'
import { buildProgram, GROUPS, optionKeys } from '../../cli/program.ts'

const isPart = (value: string): value is `x${string}` => /^x+$/.test(value)

describe('CLI program', () => {
  for (const command of COMMANDS) {
    it(`covey ${command.name}: options are keyed as commander names them, help has an example`, async () => {
      expect(Object.keys(command.options)).to.deep.equal(optionKeys(command.options))
      expect(command.options).not.to.have.property('json')
      for (const example of command.examples) expect(example).to.match(/^(covey|curl) /)
      expect(command.examples.some((e) => e.startsWith(`covey ${command.name}`))).to.equal(true)
      const group = command.name.split(' ').slice(0, -1)
      for (const word of group) expect(GROUPS).to.have.property(word)
      expect(await command.handler()).to.be.a('function')
    })
  }

  const calls: [options: unknown, args: readonly string[]][] = []
  const program = () =>
    buildProgram(
      [
        defineCommand({
          name: 'group probe',
          summary: 's',
          examples: ['covey group probe x'],
          args: [
            { name: 'first', help: '', required: true },
            { name: 'second', help: '', required: false },
          ],
          options: {
            many: list('--many <x>', '', text),
            kind: option('--kind <k>', '', oneOf('a', 'b'), 'a'),
            part: option('--part <p>', '', matching(isPart, 'a number of x'), 'x'),
            count: option('--count <n>', '', integer(1, 9), null),
            share: option('--share <x>', '', decimal(0, 1), 0.5),
            keep: flag('--keep', ''),
            compare: flag('--no-compare', ''),
          },
          handler: async () => async () => undefined,
        }),
      ],
      '0',
      async (_command, options, args) => void calls.push([options, args]),
    )

  it('gives handlers parsed values, and null or false for what was not said', async () => {
    calls.length = 0
    await program().parseAsync(['group', 'probe', 'x'], { from: 'user' })
    await program().parseAsync(
      'group probe x y --many 1 --many 2 --kind b --part xxx --count 3 --share 1 --keep --no-compare --json'.split(' '),
      { from: 'user' },
    )
    expect(calls).to.deep.equal([
      [{ many: [], kind: 'a', part: 'x', count: null, share: 0.5, keep: false, compare: true, json: false }, ['x', '']],
      [
        { many: ['1', '2'], kind: 'b', part: 'xxx', count: 3, share: 1, keep: true, compare: false, json: true },
        ['x', 'y'],
      ],
    ])
  })

  for (const bad of [
    'group probe',
    'group probe x --count 10',
    'group probe x --count 1.5',
    'group probe x --share -1',
    'group probe x --share',
    'group probe x --kind c',
    'group probe x --part y',
    'group probe x y z',
    'group probe x --nope',
    'nope',
  ]) {
    it(`refuses: ${bad}`, async () => {
      const error = await program()
        .parseAsync(bad.split(' '), { from: 'user' })
        .catch((e: unknown) => e)
      expect(error).to.be.instanceOf(CommanderError)
      expect((error as CommanderError).exitCode).not.to.equal(0)
    })
  }
})
