/**
 * On what ONNX Runtime computes. Its package has the CPU everywhere, DirectML on Windows, CoreML on macOS, WebGPU where its
 * table says so, and takes CUDA on Linux x64 once the user has installed the libraries
 * (https://github.com/microsoft/onnxruntime/tree/main/js/node#requirements). What a device has no kernel for ONNX Runtime
 * itself gives to the CPU; a device that does not open is an error, never another device.
 */
import { CoveyError, messageOf } from '../../base/errors.ts'
import type { Precision, TrainingEngine } from '../../types/engine.ts'
import type { Device, DeviceSetting, PrecisionChoice } from '../settings.ts'

/** As `listSupportedBackends` of onnxruntime-node tells it. */
export interface Backend {
  readonly name: string
  /** false: its libraries are not in the package */
  readonly bundled: boolean
}

/** Those that `auto` tries, in this order. WebGPU and CoreML by name only: they open on software, and without most kernels. */
const AUTOMATIC = ['cuda', 'dml'] as const satisfies readonly Device[]

const ADVICE: Readonly<Record<Device, string>> = {
  cpu: 'install onnxruntime-node for this platform',
  cuda: 'it needs Linux x64, CUDA 12 with cuDNN 9, and the libraries that `ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js` fetches',
  webgpu: 'it needs a GPU with a driver for Vulkan (Linux x64), Metal (macOS) or Direct3D 12 (Windows)',
  coreml: 'it needs macOS',
  dml: 'it needs Windows and a GPU with Direct3D 12',
}

/** `cpu, webgpu, cuda (not in the package)` */
export function describeBackends(backends: readonly Backend[]): string {
  return backends.map(({ name, bundled }) => (bundled ? name : `${name} (not in the package)`)).join(', ')
}

/** @throws CoveyError E_ENGINE for a device that this onnxruntime-node does not know */
export function checkDevice(device: Device, backends: readonly Backend[]): void {
  if (backends.some((b) => b.name === device)) return
  const message = `device ${device}: this onnxruntime-node (${process.platform}/${process.arch}) offers ${describeBackends(backends)}; ${ADVICE[device]}, or use another --device`
  throw new CoveyError('E_ENGINE', message, { device, offered: backends.map((b) => b.name) })
}

/** What a session ends with that did not open. */
export function openFailure(device: Device, cause: unknown): CoveyError {
  const why = messageOf(cause)
  if (device === 'cpu') return new CoveyError('E_ENGINE', `ONNX Runtime refused the graph: ${why}`, {}, { cause })
  const message = `device ${device}: ONNX Runtime could not open the graph on it: ${why}; ${ADVICE[device]}, or use --device cpu`
  return new CoveyError('E_ENGINE', message, { device }, { cause })
}

/**
 * The device that a setting means. `auto` is the first of CUDA and DirectML that opens here, else the CPU.
 * @param opens tries a device
 */
export async function chooseDevice(
  setting: DeviceSetting,
  backends: () => readonly Backend[],
  opens: (device: Device) => Promise<boolean>,
): Promise<Device> {
  if (setting !== 'auto') return setting
  const offered = backends()
  for (const device of AUTOMATIC) if (offered.some((b) => b.name === device) && (await opens(device))) return device
  return 'cpu'
}

/**
 * In what a trainer computes. A machine's own choice is measured on its CPU and holds there only: another device takes
 * float32, because kernels in 8 bits may be missing on it and would run on the CPU. Whoever names a precision gets it.
 * @param trainsAll nothing is frozen
 */
export async function choosePrecision(
  asked: Precision | PrecisionChoice,
  device: Device,
  trainsAll: boolean,
  engine: TrainingEngine,
  threads: number,
): Promise<Precision> {
  if (typeof asked === 'string') return asked
  if (trainsAll || device !== 'cpu') return 'fp32'
  return asked(engine, threads)
}
