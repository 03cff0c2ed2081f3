/**
 * Settings: from covey.json in the data directory, then from COVEY_* variables, then from the command line; each outranks
 * the one before. Every value is checked wherever it came from, and a complaint names the setting and its source.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { PRIVACY_KINDS } from '../node/privacy/floor.ts'
import { CoveyError, messageOf } from '../src/base/errors.ts'
import { ENGINE_NAMES } from '../src/engine/open-engine.ts'
import { DEVICE_SETTINGS, PRECISION_SETTINGS } from '../src/engine/settings.ts'

export const CONFIG_FILE = 'covey.json'
/** A config file is a page at most. */
const MAX_CONFIG_BYTES = 64 * 1024

const port = z.coerce.number().int().min(0).max(65535)
const path = z.string().min(1)
const ADDRESSES = /^https?:\/\/[^,\s]+(\s*,\s*https?:\/\/[^,\s]+)*$/
const httpUrls = z.string().regex(ADDRESSES, 'expected an http(s) address, or several with commas between them')
const httpUrl = z.string().regex(/^https?:\/\//, 'expected an http(s) address')
const words = z.union([
  z.array(z.string().min(1)),
  z.string().transform((s) =>
    s
      .split(',')
      .map((w) => w.trim())
      .filter((w) => w !== ''),
  ),
])

/** name -> what it may be. Text forms (environment, flags) and JSON forms are both taken. */
const SETTINGS = {
  /** folder of the base model, or the name of a pulled one */
  model: path,
  /** folder of the pulled models */
  models: path,
  /** the hub that models are pulled from */
  endpoint: httpUrl,
  /** the chain's RPC, or several of the same chain: the first that is well is asked */
  rpc: httpUrls,
  /** JSON file with the contracts' addresses */
  contracts: path,
  /** an external signer's JSON-RPC */
  signer: httpUrl,
  /** whose key the external signer signs with */
  from: z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address'),
  /** multiaddrs to listen on */
  listen: words,
  /** multiaddrs of peers to know first */
  bootstrap: words,
  /** look for peers on the local network */
  mdns: z.union([z.boolean(), z.stringbool()]),
  /** where the HTTP API listens */
  host: z.string().min(1),
  port,
  /** bearer token of the HTTP API */
  token: z.string().min(8, 'expected at least 8 characters'),
  /** what computes */
  engine: z.enum(ENGINE_NAMES),
  /** on what it computes */
  device: z.enum(DEVICE_SETTINGS),
  /** cores; 0 = all */
  threads: z.coerce.number().int().min(0).max(1024),
  /** of the products with frozen weights in training */
  precision: z.enum(PRECISION_SETTINGS),
  /** how far the threads that compute stand back behind other work */
  nice: z.coerce.number().int().min(0).max(19),
  /** what a node may publish of its data, by kind */
  privacy: words.pipe(z.array(z.enum(PRIVACY_KINDS))),
  /** budget of all that it publishes */
  maxEpsilon: z.coerce.number().positive(),
  /** at this δ */
  privacyDelta: z.coerce.number().gt(0).lt(1),
  /** largest clip of a task */
  maxClip: z.coerce.number().positive(),
  logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
} as const

export type SettingName = keyof typeof SETTINGS
type SettingValue<K extends SettingName> = z.infer<(typeof SETTINGS)[K]>

export type Settings = { readonly [K in SettingName]: SettingValue<K> | undefined }
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]

/** `logLevel` -> `COVEY_LOG_LEVEL` */
export function envName(setting: string): string {
  return `COVEY_${setting.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`
}

export interface Config {
  /** absolute path of the data directory */
  readonly dir: string
  readonly settings: Settings
  /** where each given setting came from: `covey.json`, `COVEY_RPC`, `--rpc` */
  readonly sources: Readonly<Partial<Record<SettingName, string>>>
}

export interface ConfigInput {
  /** --dir, else COVEY_DIR, else ~/.covey */
  readonly dir: string | null
  readonly env: Readonly<Record<string, string | undefined>>
  /** what the command line said; null or absent = not said */
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>
}

/** @throws CoveyError E_CONFIG */
export function loadConfig(input: ConfigInput): Config {
  const dir = resolve(input.dir ?? input.env.COVEY_DIR ?? join(homedir(), '.covey'))
  const file = join(dir, CONFIG_FILE)
  const layers: readonly (readonly [source: (s: SettingName) => string, values: Readonly<Record<string, unknown>>])[] =
    [
      [() => file, readConfigFile(file)],
      [envName, Object.fromEntries(SETTING_NAMES.map((s) => [s, input.env[envName(s)]]))],
      [flagName, input.flags],
    ]
  const settings: Record<string, unknown> = {}
  const sources: Partial<Record<SettingName, string>> = {}
  for (const [source, values] of layers) {
    for (const name of SETTING_NAMES) {
      const value = values[name]
      if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0))
        continue
      const result = SETTINGS[name].safeParse(value)
      if (!result.success) {
        // a token must not be printed, not even a wrong one
        const got = name === 'token' ? 'another value' : JSON.stringify(value)
        const why = result.error.issues[0]?.message ?? 'not valid'
        throw new CoveyError('E_CONFIG', `setting ${name} (from ${source(name)}): ${why}; got ${got}`, {
          setting: name,
        })
      }
      settings[name] = result.data
      sources[name] = source(name)
    }
  }
  return { dir, settings: settings as Settings, sources }
}

/** A setting that the command cannot do without. @throws CoveyError E_CONFIG */
export function required<K extends SettingName>(config: Config, name: K): NonNullable<Settings[K]> {
  const value = config.settings[name]
  if (value !== undefined) return value as NonNullable<Settings[K]>
  const places = `${flagName(name)}, ${envName(name)} or "${name}" in ${join(config.dir, CONFIG_FILE)}`
  throw new CoveyError('E_CONFIG', `setting ${name} is missing: give it with ${places}`, { setting: name })
}

function flagName(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`
}

function readConfigFile(file: string): Readonly<Record<string, unknown>> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new CoveyError('E_CONFIG', `${file} could not be read: ${messageOf(cause)}`, { file }, { cause })
  }
  if (text.length > MAX_CONFIG_BYTES) {
    throw new CoveyError('E_CONFIG', `${file}: expected at most ${MAX_CONFIG_BYTES} bytes, got ${text.length}`, {
      file,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new CoveyError('E_CONFIG', `${file}: expected JSON: ${messageOf(cause)}`, { file }, { cause })
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new CoveyError('E_CONFIG', `${file}: expected a JSON object`, { file })
  }
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(SETTINGS, key))
  if (unknown !== undefined) {
    const message = `${file}: unknown setting ${JSON.stringify(unknown)}; known: ${SETTING_NAMES.join(', ')}`
    throw new CoveyError('E_CONFIG', message, { file, setting: unknown })
  }
  return value as Readonly<Record<string, unknown>>
}
