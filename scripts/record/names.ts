/** Makes a run's transcript the same for every run, as far as that goes: names for addresses, seconds since the start for times. */
import { homedir } from 'node:os'

export class Names {
  readonly #began = Date.now()
  /** text -> what stands for it; longest first when it is used */
  readonly #names = new Map<string, string>()

  /** From now on `name` stands for `text`. */
  set(text: string, name: string): void {
    this.#names.set(text, name)
  }

  /** An account's address, also where it is shown short. */
  account(address: string, name: string): void {
    this.set(address, name)
    this.set(`${address.slice(0, 6)}…${address.slice(-4)}`, name)
  }

  neutral(text: string): string {
    let out = text
    for (const [from, name] of [...this.#names].sort(([a], [b]) => b.length - a.length))
      out = out.replaceAll(from, name)
    return out
      .replaceAll(homedir(), '~')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) => this.#since(Date.parse(time)))
      .replace(/^\d\d:\d\d:\d\d {2}/gm, '')
      .replace(/\b0x[0-9a-f]{64}\b/g, '0x…')
      .replace(/\b(?:0x)?[0-9a-fA-F]{40}\b/g, '0x…')
      .replace(/\b12D3KooW\w+/g, '12D3KooW…')
      .replace(/\b[0-9a-f]{64}\b/g, '…')
      .replace(/127\.0\.0\.1(\/tcp\/|:)\d+/g, '127.0.0.1$1…')
  }

  #since(ms: number): string {
    const seconds = Math.round((ms - this.#began) / 1000)
    return `${seconds < 0 ? '−' : '+'}${Math.abs(seconds)} s`
  }
}
