/** Options and openings that several commands share. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { precisionChoice } from '../node/precision.ts'
import { adapterDigest } from '../src/adapter/delta.ts'
import { readAdapter } from '../src/adapter/folder.ts'
import { cacheFolder } from '../src/base/cache-folder.ts'
import { CoveyError } from '../src/base/errors.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { DEFAULT_ENGINE, ENGINE_NAMES, type Engine, openEngine } from '../src/engine/open-engine.ts'
import { DEFAULT_DEVICE, DEVICE_SETTINGS, type EngineSettings, PRECISION_SETTINGS } from '../src/engine/settings.ts'
import { loadModel } from '../src/model/folder/load.ts'
import type { Adapter } from '../src/types/adapter.ts'
import type { Example, Tokenizer } from '../src/types/data.ts'
import type { BaseModel } from '../src/types/model.ts'
import { type CommandContext, flag, integer, list, option, text } from './command.ts'
import { type Config, loadConfig, type SettingName } from './config.ts'
import { libraryFolders, resolveModel } from './library.ts'

/** The base model that Covey ships. */
export const SHIPPED_MODEL = fileURLToPath(new URL('../models/covey-nano', import.meta.url))

export const dirOption = option('--dir <folder>', 'data directory (COVEY_DIR; ~/.covey)', text, null)
export const modelOption = option(
  '--model <model>',
  'base model: a folder in the layout of Hugging Face, or the name of a pulled one (COVEY_MODEL; the shipped covey-nano)',
  text,
  null,
)
export const threadsOption = option('--threads <n>', 'cores to use, 0 = all (COVEY_THREADS)', integer(0, 1024), null)
export const engineOption = option(
  '--engine <name>',
  `what computes: ${ENGINE_NAMES.join(' | ')} (COVEY_ENGINE; ${DEFAULT_ENGINE})`,
  text,
  null,
)
export const deviceOption = option(
  '--device <name>',
  `on what ONNX Runtime computes: ${DEVICE_SETTINGS.join(' | ')}; auto takes CUDA or DirectML where one opens; \`covey doctor\` lists what there is (COVEY_DEVICE; ${DEFAULT_DEVICE})`,
  text,
  null,
)
/** What a command that trains can be told about computing. */
export const trainingComputeOptions = {
  engine: engineOption,
  device: deviceOption,
  precision: option(
    '--precision <name>',
    `of the products with frozen weights: ${PRECISION_SETTINGS.join(' | ')}; auto takes what trains faster on this machine (COVEY_PRECISION; auto)`,
    text,
    null,
  ),
  threads: threadsOption,
  nice: option(
    '--nice <n>',
    'how far the threads that compute stand back behind other work, 0 to 19 (COVEY_NICE; 0)',
    integer(0, 19),
    null,
  ),
}
export const adapterOption = option(
  '--adapter <folder>',
  'adapter that was trained by Covey, or one in the layout of PEFT',
  text,
  null,
)
export const passwordFileOption = option(
  '--password-file <file>',
  "file with the key files' password (else COVEY_PASSWORD, else asked for)",
  text,
  null,
)

export const templateOptions = {
  prompt: option(
    '--prompt <template>',
    'prompt with {field}s of a record: "Utterance: {text}\\nIntent:"',
    template,
    null,
  ),
  completion: option('--completion <template>', 'what is to be learnt: " {intent}"', template, null),
  partitionBy: option('--partition-by <field>', 'field that says where a record belongs', text, null),
}

/** Of commands whose records may hold what was thought before an answer. */
export const thinkingOption = option(
  '--thinking <template>',
  "what is thought before the answer: '{reasoning}'; it goes in front as <think>…</think>, unless records hold it so (or as reasoning_content of a message)",
  template,
  null,
)

/** A shell does not turn `\n` into a line end; templates nearly always mean one. */
function template(value: string): string {
  return value.replaceAll('\\n', '\n').replaceAll('\\t', '\t')
}

const rpcOption = option(
  '--rpc <url>',
  "the chain's RPC, or several with commas between them: the first that is well is asked (COVEY_RPC)",
  text,
  null,
)
const contractsOption = option(
  '--contracts <file>',
  "JSON file with the contracts' addresses (COVEY_CONTRACTS)",
  text,
  null,
)
/** Of every command that shows amounts. */
const weiOption = flag('--wei', 'show amounts in wei')
/** Who signs what is written. */
export const signerOptions = {
  passwordFile: passwordFileOption,
  signer: option(
    '--signer <url>',
    "JSON-RPC of an external signer that holds the account's key, such as Clef, Frame or a hardware bridge (COVEY_SIGNER; the key file of the data directory)",
    text,
    null,
  ),
  from: option('--from <address>', 'account of the external signer (COVEY_FROM; its only one)', text, null),
}
/** Of a process that writes by itself for as long as it runs. */
export const peerChainOptions = { dir: dirOption, rpc: rpcOption, contracts: contractsOption, ...signerOptions }
/** Of a command that looks. */
export const readOptions = { dir: dirOption, rpc: rpcOption, contracts: contractsOption, wei: weiOption }
/** Of a command that writes: cli/write/desk.ts shows what it will do and asks. */
export const chainOptions = {
  ...peerChainOptions,
  yes: flag('--yes', 'do not ask before writing'),
  wei: weiOption,
}

export const networkOptions = {
  listen: list('--listen <multiaddr>', 'address to listen on; may be repeated (COVEY_LISTEN)', text),
  bootstrap: list('--bootstrap <multiaddr>', 'peer to meet first; may be repeated (COVEY_BOOTSTRAP)', text),
  mdns: flag('--mdns', 'look for peers on the local network (COVEY_MDNS)'),
}

/** The configuration with a command's own flags on top; a pulled model's name has become its folder. @throws CoveyError E_CONFIG */
export function configOf(
  options: Readonly<Partial<Record<SettingName | 'dir', unknown>>>,
  context: CommandContext,
): Config {
  const { dir, ...flags } = options
  // a switch that was not given says nothing: the file's value stands
  const given = flags.mdns === false ? { ...flags, mdns: undefined } : flags
  const config = loadConfig({ dir: typeof dir === 'string' ? dir : null, env: context.env, flags: given })
  if (config.settings.token !== undefined) context.output.hide(config.settings.token)
  const { model } = config.settings
  if (model === undefined) return config
  return { ...config, settings: { ...config.settings, model: resolveModel(model, libraryFolders(config)) } }
}

/** For an engine that may train: the precision is the machine's own choice unless one is named. */
export function engineSettingsOf({ settings }: Config): EngineSettings {
  const { precision = 'auto', nice = 0, device = DEFAULT_DEVICE } = settings
  return { precision: precision === 'auto' ? precisionChoice(cacheFolder()) : precision, nice, device }
}

/** The engine that the settings name. */
export function engineOf(config: Config): Promise<Engine> {
  return openEngine(config.settings.engine ?? DEFAULT_ENGINE, engineSettingsOf(config))
}

export interface OpenedModel {
  readonly model: BaseModel
  readonly tokenizer: Tokenizer
  readonly dir: string
}

/** @throws CoveyError E_MODEL_FILE | E_MODEL_SHAPE | E_MODEL_ARCHITECTURE | E_TOKENIZER */
export async function openModel(config: Config, signal: AbortSignal): Promise<OpenedModel> {
  const dir = config.settings.model ?? SHIPPED_MODEL
  const model = await loadModel(dir, signal)
  const tokenizer = await loadTokenizer(dir)
  return { model, tokenizer, dir }
}

/** An adapter folder that fits the model, with its digest; null when none was named. @throws CoveyError E_ADAPTER */
export async function openAdapter(
  folder: string | null,
  model: BaseModel,
): Promise<{ readonly adapter: Adapter; readonly digest: string } | null> {
  if (folder === null) return null
  const stated = await statedBase(folder)
  if (stated !== null && stated !== model.digest) {
    const message = `${folder} was trained on the base ${stated}, the model given is ${model.digest}: give its folder with --model`
    throw new CoveyError('E_ADAPTER', message, { folder })
  }
  const adapter = await readAdapter(folder, model)
  return { adapter, digest: adapterDigest(adapter) }
}

/** File beside an adapter that says what it was made of; PEFT has no place for it. */
export const ORIGIN_FILE = 'covey.origin.json'

async function statedBase(folder: string): Promise<string | null> {
  const file = join(folder, ORIGIN_FILE)
  if (!existsSync(file)) return null
  try {
    const { baseDigest } = JSON.parse(await readFile(file, 'utf8')) as { baseDigest?: unknown }
    return typeof baseDigest === 'string' ? baseDigest : null
  } catch (cause) {
    throw new CoveyError(
      'E_ADAPTER',
      `${file}: expected JSON; remove it to use the adapter with any base`,
      {},
      { cause },
    )
  }
}

export interface LoadedExamples {
  readonly examples: readonly Example[]
  readonly badLines: number
}

/** @throws CoveyError E_DATA_FORMAT | E_DATA_EMPTY | E_TEMPLATE | E_DISK */
export async function loadExamples(
  file: string,
  options: {
    readonly prompt: string | null
    readonly completion: string | null
    readonly thinking: string | null
    readonly partitionBy: string | null
  },
  tokenizer: Tokenizer | null,
  signal: AbortSignal,
): Promise<LoadedExamples> {
  const { readRecords } = await import('../src/data/records.ts')
  const { toExamples } = await import('../src/data/template.ts')
  const records = await readRecords(file, { signal })
  const { prompt, completion, thinking, partitionBy } = options
  const made = toExamples(records, { prompt, completion, thinking, partitionBy }, tokenizer)
  return { examples: made.examples, badLines: records.badCount + made.badCount }
}

/** `1 h 02 min`, `3 min 20 s`, `4.2 s` */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`
}

/** `269.1 MB` */
export function byteSize(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
