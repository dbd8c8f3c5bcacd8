// Prints packages/tensorflow/src/wheels.ts' list for a version of TensorFlow: SHA-256 of its wheels and of NVIDIA's, as the
// package index that pip uses names them. Nothing is downloaded: pip resolves and reports.
//   node tooling/setup/wheel-hashes.mjs 2.21.0
import { execFileSync } from 'node:child_process'

const [version] = process.argv.slice(2)
if (!version) throw new Error('name a version of TensorFlow: node tooling/setup/wheel-hashes.mjs 2.21.0')

const linux = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64', 'linux_x86_64']
/** @type {readonly (readonly [requirement: string, tags: readonly string[], more: readonly string[]])[]} */
const wanted = [
  [`tensorflow-cpu==${version}`, ['manylinux_2_27_x86_64'], ['--no-deps']],
  [`tensorflow==${version}`, ['manylinux_2_27_aarch64'], ['--no-deps']],
  [`tensorflow==${version}`, ['macosx_12_0_arm64'], ['--no-deps']],
  [`tensorflow[and-cuda]==${version}`, linux, []],
]

for (const [requirement, tags, more] of wanted) {
  const platforms = tags.flatMap((tag) => ['--platform', tag])
  const only = [
    '--only-binary',
    ':all:',
    '--python-version',
    '3.11',
    '--target',
    'none',
    '--ignore-installed',
  ]
  const report = execFileSync(
    'python3',
    [
      '-m',
      'pip',
      'install',
      '--dry-run',
      '--quiet',
      '--report',
      '-',
      ...only,
      ...platforms,
      ...more,
      requirement,
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  for (const { metadata, download_info: from } of JSON.parse(report).install)
    if (/^(tensorflow|nvidia)/.test(metadata.name))
      console.log(
        `  ['${decodeURIComponent(from.url.split('/').at(-1))}', '${from.archive_info.hashes.sha256}'],`,
      )
}
