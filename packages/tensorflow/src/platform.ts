import { existsSync } from 'node:fs'
import { SelfsupError } from '@selfsup/core'

/** The TensorFlow release that this package is written for and tested with. */
export const TENSORFLOW_VERSION = '2.21.0'

/** The official wheel that contains TensorFlow's C library for a machine. */
export interface Wheel {
  /** name on the package index */
  readonly distribution: string
  /** pip's platform tag */
  readonly tag: string
  /** file names of the libraries in the wheel's folder `tensorflow` */
  readonly libraries: readonly [string, string]
  /** maximum size in bytes of the wheel and the unpacked libraries while installing */
  readonly room: number
  /** computes on NVIDIA GPUs, with NVIDIA's libraries from the wheels that this one requires */
  readonly cuda: boolean
}

const linux = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const
const mac = ['libtensorflow_cc.2.dylib', 'libtensorflow_framework.2.dylib'] as const

const wheels: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    distribution: 'tensorflow-cpu',
    tag: 'manylinux_2_27_x86_64',
    libraries: linux,
    room: 1.3e9,
    cuda: false,
  },
  'linux-arm64': {
    distribution: 'tensorflow',
    tag: 'manylinux_2_27_aarch64',
    libraries: linux,
    room: 1.5e9,
    cuda: false,
  },
  'darwin-arm64': {
    distribution: 'tensorflow',
    tag: 'macosx_12_0_arm64',
    libraries: mac,
    room: 1.3e9,
    cuda: false,
  },
}

const cudaWheels: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    distribution: 'tensorflow',
    tag: 'manylinux_2_27_x86_64',
    libraries: linux,
    room: 9e9,
    cuda: true,
  },
}

/** Properties that select the wheel: Node's names of platform and architecture, and glibc's version on Linux. */
export interface Machine {
  readonly platform: string
  readonly arch: string
  /** undefined on Linux without glibc (Alpine) */
  readonly glibc?: string
}

/** This machine's platform and architecture. */
export function thisPlatform(): Machine {
  return { platform: process.platform, arch: process.arch }
}

/** Platform, architecture and, on Linux, glibc's version. Finding the version takes a few milliseconds. */
export function thisMachine(): Machine {
  const machine = thisPlatform()
  return machine.platform === 'linux' ? { ...machine, glibc: glibcVersion() } : machine
}

function glibcVersion(): string | undefined {
  const report: unknown = process.report.getReport()
  const header = (report as { header?: { glibcVersionRuntime?: string } }).header
  return header?.glibcVersionRuntime
}

/** Name of the installation's folder in the cache. */
export function wheelName(wheel: Wheel, { platform, arch }: Machine): string {
  const cuda = wheel.cuda ? '-cuda' : ''
  return `${wheel.distribution}${cuda}-${TENSORFLOW_VERSION}-${platform}-${arch}`
}

/** The wheel for a platform and architecture, without checking glibc. Used to search the cache. */
export function wheelByPlatform({ platform, arch }: Machine, cuda = false): Wheel | undefined {
  return (cuda ? cudaWheels : wheels)[`${platform}-${arch}`]
}

/** Whether an NVIDIA driver is running. The CUDA libraries need one. */
export function hasNvidiaDriver(): boolean {
  return ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/usr/lib/wsl/lib/libcuda.so.1'].some(existsSync)
}

/**
 * The wheel that fits a machine.
 * @param cuda select the wheel for NVIDIA GPUs
 * @throws SelfsupError if there is none (Windows, macOS on Intel, Linux without glibc 2.27); its message says what to use
 *   instead
 */
export function wheelFor(machine: Machine, cuda = false): Wheel {
  const { platform, arch, glibc } = machine
  const wheel = wheelByPlatform(machine, cuda)
  if (!wheel && cuda && wheelByPlatform(machine)) {
    throw new SelfsupError(
      `TensorFlow ${TENSORFLOW_VERSION} supports NVIDIA GPUs on ${Object.keys(cudaWheels).join(', ')} only, not on ${platform}-${arch}`,
      { code: 'unsupported', fix: 'install the CPU engine instead, without CUDA' },
    )
  }
  if (!wheel) {
    throw new SelfsupError(
      `TensorFlow ${TENSORFLOW_VERSION} has no C library for ${platform}-${arch} (there is one for ${Object.keys(wheels).join(', ')}); ` +
        'use the WebAssembly engine (--engine wasm) or install @tensorflow/tfjs-node',
    )
  }
  if (platform === 'linux' && !atLeast(glibc, 2, 27)) {
    throw new SelfsupError(
      `TensorFlow ${TENSORFLOW_VERSION} needs glibc 2.27 or newer; this system has ${glibc ? `glibc ${glibc}` : 'a different C library (musl?)'}; ` +
        'use the WebAssembly engine (--engine wasm) or a newer system, such as the image node:22-bookworm',
    )
  }
  return wheel
}

function atLeast(version: string | undefined, major: number, minor: number): boolean {
  if (!version) return false
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

const packageManagers = [
  ['/usr/bin/apt-get', 'sudo apt-get install -y', { pip: 'python3-pip', compiler: 'g++' }],
  ['/usr/bin/dnf', 'sudo dnf install -y', { pip: 'python3-pip', compiler: 'gcc-c++' }],
  ['/usr/bin/zypper', 'sudo zypper install -y', { pip: 'python3-pip', compiler: 'gcc-c++' }],
  ['/usr/bin/pacman', 'sudo pacman -S --noconfirm', { pip: 'python-pip', compiler: 'gcc' }],
] as const

/** The command that installs pip or a C++ compiler on this system. */
export function systemInstall(what: 'pip' | 'compiler', platform = process.platform): string {
  if (platform === 'darwin') return 'xcode-select --install'
  const found = packageManagers.find(([program]) => existsSync(program))
  if (found) return `${found[1]} ${found[2][what]}`
  return what === 'pip' ? 'python3 -m ensurepip' : 'install g++ or clang++ with your package manager'
}
