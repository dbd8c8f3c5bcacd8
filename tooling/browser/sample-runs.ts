import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { normals, uniforms } from '@selfsup/core'
import type { LabelledFeatures } from '@selfsup/report'
import type { EvaluationRecord } from '@selfsup/run-folder'

// Synthetic run folders with evaluation records, as `train` and the protocols would write them, for tests of the report.

export interface SampleRun {
  readonly method: string
  readonly backbone: string
  readonly steps: number
  readonly seed: number
  /** accuracy of the linear probe */
  readonly accuracy: number
  /** parameters of the backbone */
  readonly parameters: number
  readonly evaluated?: boolean
  readonly classes: readonly string[]
  /** fingerprints of the evaluated images */
  readonly trainFingerprint?: string
  readonly testFingerprint?: string
}

const STEPS_PER_EPOCH = 195

/** Writes a run folder. */
export function writeRun(folder: string, run: SampleRun): void {
  const { method, backbone, steps, seed, parameters } = run
  mkdirSync(join(folder, 'evaluation'), { recursive: true })
  mkdirSync(join(folder, 'backbone'), { recursive: true })
  mkdirSync(join(folder, 'checkpoints'), { recursive: true })
  const json = (name: string, value: unknown) =>
    writeFileSync(join(folder, name), JSON.stringify(value, null, 2))
  json('config.json', {
    formatVersion: 3,
    method,
    options: { temperature: 0.2, outputs: 128, batchNorm: true },
    dataset: { name: 'cifar10/train', fingerprint: 'x', length: 50_000, channels: 3 },
    settings: {
      epochs: Math.ceil(steps / STEPS_PER_EPOCH),
      batchSize: 256,
      learningRate: 1.5,
      optimizer: { name: 'lars', weightDecay: 0.000001 },
      schedule: { name: 'cosine', warmupEpochs: 10 },
      seed,
      maxSteps: steps,
    },
    stepsPerEpoch: STEPS_PER_EPOCH,
    backbone: { name: backbone, options: {} },
    imageShape: { size: 32, channels: 3 },
    features: 'backbone',
    config: {},
    versions: { '@selfsup/train': '0.0.0', node: '20.20.2', engine: 'tensorflow: native TensorFlow 2.21.0' },
  })
  json('backbone/model.json', {
    weightsManifest: [{ weights: [{ name: 'all/kernel', shape: [parameters], dtype: 'float32' }] }],
  })
  writeFileSync(join(folder, 'checkpoints', `step-${String(steps).padStart(8, '0')}.safetensors`), '')
  writeFileSync(join(folder, 'metrics.jsonl'), metricsLines(0, steps, run))
  if (run.evaluated === false) return
  for (const record of recordsOf(run)) json(`evaluation/${record.protocol}.json`, record)
}

/** Metric lines from one step to another. */
export function metricsLines(from: number, to: number, { steps, seed }: SampleRun, every = 10): string {
  const noise = normals([seed, 7], Math.ceil(to / every) + 1)
  let text = ''
  for (let step = Math.floor(from / every) * every + every; step <= to; step += every) {
    const done = step / steps
    const wobble = noise[step / every]!
    const warm = Math.min(1, done * 12)
    text += `${JSON.stringify({
      step,
      epoch: Math.floor(step / STEPS_PER_EPOCH),
      loss: 3.1 + 2.4 * Math.exp(-6 * done) + 0.06 * wobble + 0.03 * seed,
      learningRate: 1.5 * warm * 0.5 * (1 + Math.cos(Math.PI * done)),
      imagesPerSecond: 610 + 14 * wobble,
      spread: 0.97 - 0.12 * Math.exp(-9 * done) + 0.004 * wobble,
      positiveSimilarity: 0.82 - 0.5 * Math.exp(-5 * done) + 0.01 * wobble,
    })}\n`
  }
  return text
}

/** Plausible evaluation records. */
function recordsOf({
  steps,
  accuracy,
  seed,
  classes,
  trainFingerprint = 'train',
  testFingerprint = 'test',
}: SampleRun): EvaluationRecord[] {
  const common = {
    version: 1 as const,
    step: steps,
    options: { seeds: 5 },
    images: {
      train: { source: 'shapes', count: 50_000, fingerprint: trainFingerprint },
      test: { source: 'shapes', count: 10_000, fingerprint: testFingerprint },
    },
    seconds: 74.2,
  }
  const value = (metric: string, features: string, value: number, spread = 0.004) => ({
    metric,
    features,
    value,
    interval: [value - spread, value + spread] as const,
    unit: 'part' as const,
  })
  const labels = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1]
  const rising = (end: number, start: number) =>
    labels.map((part): [number, number, number, number] => {
      const y = start + (end - start) * (1 + Math.log10(part) / 2) ** 0.8
      const room = 0.006 / Math.sqrt(part * 10)
      return [part, y, y - room, y + room]
    })
  const learning = (rate: number, end: number) =>
    Array.from({ length: 60 }, (_, i): [number, number] => [i * 50, end - (end - 0.1) * Math.exp(-rate * i)])
  const draws = uniforms([seed, 11], 4000)
  const position = (i: number) => Math.floor(draws[i]! * 400)
  return [
    {
      ...common,
      protocol: 'linear-probe',
      title: 'Linear probe',
      values: [
        value('accuracy', 'learned', accuracy),
        value('accuracy', 'random weights', 0.412),
        value('accuracy', 'raw pixels', 0.376),
        value('top-5 accuracy', 'learned', Math.min(0.998, accuracy + 0.11)),
      ],
      confusion: {
        classes,
        counts: classes.map((_, i) =>
          classes.map((_, j) =>
            i === j
              ? Math.round(1000 * accuracy)
              : Math.round((250 * draws[i * 40 + j]! ** 5 * (1 - accuracy)) / 0.2),
          ),
        ),
      },
    },
    {
      ...common,
      protocol: 'knn',
      title: 'Weighted kNN',
      options: { k: 200, temperature: 0.07 },
      values: [value('accuracy', 'learned', accuracy - 0.021), value('accuracy', 'random weights', 0.338)],
      neighbours: Array.from({ length: 8 }, (_, i) => ({
        query: position(i),
        nearest: Array.from({ length: 9 }, (_, k) => ({
          split: k % 2 === 0 ? ('train' as const) : ('test' as const),
          position: position(100 + i * 10 + k),
          similarity: 0.98 - 0.013 * k,
        })),
      })),
    },
    {
      ...common,
      protocol: 'data-efficiency',
      title: 'Data efficiency',
      seconds: 1841,
      values: [value('accuracy at 1 % of the labels', 'learned', accuracy - 0.2)],
      charts: [
        {
          title: 'Accuracy by share of the labels',
          x: { label: 'share of the labels', logarithmic: true },
          y: { label: 'accuracy', part: true },
          series: [
            { name: 'fine-tuned', points: rising(accuracy + 0.03, accuracy - 0.2) },
            { name: 'linear', points: rising(accuracy, accuracy - 0.17) },
            { name: 'supervised from scratch', points: rising(accuracy + 0.01, 0.34) },
          ],
        },
      ],
    },
    {
      ...common,
      protocol: 'convergence',
      title: 'Convergence speed',
      seconds: 930,
      values: [
        { metric: 'steps to 80 %', features: 'learned', value: 350, unit: 'steps', higherIsBetter: false },
        {
          metric: 'steps to 80 %',
          features: 'random weights',
          value: 2150,
          unit: 'steps',
          higherIsBetter: false,
        },
      ],
      charts: [
        {
          title: 'Accuracy by step of the target problem',
          x: { label: 'step' },
          y: { label: 'accuracy', part: true },
          series: [
            { name: 'pretrained', points: learning(0.16, accuracy + 0.02) },
            { name: 'other domain', points: learning(0.09, accuracy) },
            { name: 'random', points: learning(0.05, accuracy - 0.03) },
          ],
        },
      ],
    },
    {
      ...common,
      protocol: 'clustering',
      title: 'k-means clustering',
      values: [
        value('NMI', 'learned', 0.68),
        { metric: 'ARI', features: 'learned', value: 0.571, unit: 'part' },
      ],
      clusters: classes.map((mostly, i) => ({
        size: 800 + Math.round(400 * draws[i]!),
        mostly,
        members: [...new Set(Array.from({ length: 18 }, (_, k) => position(500 + i * 20 + k)))],
      })),
    },
  ]
}

/** Synthetic features with one cluster per class. */
export function sampleFeatures(labels: Int32Array, classes: readonly string[], width = 32): LabelledFeatures {
  const count = labels.length
  const centres = normals([3, 3], classes.length * width)
  const values = normals([4, 4], count * width)
  for (let i = 0; i < count; i++)
    for (let j = 0; j < width; j++)
      values[i * width + j] = 0.95 * values[i * width + j]! + centres[labels[i]! * width + j]!
  return { values, count, width, labels, indices: Int32Array.from({ length: count }, (_, i) => i), classes }
}
