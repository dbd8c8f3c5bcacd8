import { expected } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'
import { number } from './batch-norm.js'
import { dispatch, elementwise, storedType } from './dispatch.js'
import { COLUMNS, colours, loaded, parameter, sampling, stored } from './views-wgsl.js'
import type { WebgpuBackend } from './webgpu-backend.js'

/** What the passes over views have in common. */
export interface ViewPasses {
  readonly size: number
  readonly kernelSize: number
  readonly threshold: number
  /** whether any view changes colours, or becomes grey */
  readonly jitter: boolean
  readonly grey: boolean
  readonly blur: boolean
}

/**
 * Views in as few passes as their augmentations allow: one for crops and flips; with colour jitter one for the mean brightness
 * and one for colours; with blur two more. The last one normalises.
 * @returns [views, size, size, channels]
 */
export function viewsOnWebgpu(
  backend: WebgpuBackend,
  {
    images,
    parameters,
    normalisation,
  }: Readonly<Record<'images' | 'parameters' | 'normalisation', tf.TensorInfo>>,
  settings: ViewPasses,
): tf.TensorInfo {
  const [, height, width, channels] = images.shape as [number, number, number, number]
  const views = parameters.shape[0]!
  const { size, jitter, grey, blur } = settings
  checkBoxes(backend, parameters, height, width)
  const shape = [views, size, size, channels]
  const make = (shape: readonly number[]) => backend.makeTensorInfo(shape, 'float32')
  const finish = finishing(settings, channels)
  const pixels = views * size * size
  const place = `let view = i / ${size * size}u;
  let row = i32(i / ${size}u % ${size}u);
  let column = i32(i % ${size}u);
  let at = i * ${channels}u;`
  const colour = channels === 3 && (jitter || grey)
  const declared = { parameters: 'f32', normalisation: 'f32' }
  const last = (step: boolean) => (step ? '' : finish)

  let current = make(shape)
  dispatch(backend, {
    name: 'ViewsCrop',
    tensors: [parameters, normalisation, images, current],
    ...elementwise(
      { ...declared, images: storedType(backend, images), y: '=f32' },
      pixels,
      `${place}
  _ = normalisation[0];
  var x = sampled(view, row, column);
  ${last(colour || blur)}
  ${stored('y', 'at', 'x', channels)}`,
      parameter + sampling(height, width, channels, size),
    ),
  })
  if (colour) {
    const means = make([views, size])
    dispatch(backend, {
      name: 'ViewsMeans',
      tensors: [parameters, current, means],
      ...elementwise(
        { parameters: 'f32', x: 'f32', means: '=f32' },
        views * size,
        `let view = i / ${size}u;
  var sum = 0.0;
  for (var at = i * ${3 * size}u; at < (i + 1u) * ${3 * size}u; at += 3u) {
    sum += luma(coloured(view, ${loaded('x', 'at', 3)}, u32(parameter(view, 12u)), 0.0));
  }
  means[i] = sum;`,
        parameter + colours,
      ),
    })
    current = next(current, [means], {
      name: 'ViewsColours',
      tensors: [parameters, normalisation, current, means],
      declared: { ...declared, given: 'f32', means: 'f32' },
      functions: parameter + colours,
      body: `${place}
  _ = normalisation[0];
  var mean = 0.0;
  for (var r = 0u; r < ${size}u; r++) { mean += means[view * ${size}u + r]; }
  var x = coloured(view, ${loaded('given', 'at', 3)}, 4u, mean / ${size * size}.0);
  if (parameter(view, 15u) > 0.0) { x = vec3f(luma(x)); }
  ${last(blur)}`,
    })
  }
  if (blur) {
    for (const axis of ['row', 'column'] as const) {
      current = next(current, [], {
        name: 'ViewsBlur',
        tensors: [parameters, normalisation, current],
        declared: { ...declared, given: 'f32' },
        functions: parameter,
        body: `${place}
  _ = normalisation[0];
  ${blurred(axis, settings, channels)}
  ${last(axis === 'row')}`,
      })
    }
  }
  return current

  /** Runs a pass from the current pixels to the next ones. */
  function next(
    before: tf.TensorInfo,
    others: readonly tf.TensorInfo[],
    pass: {
      readonly name: string
      readonly tensors: readonly tf.TensorInfo[]
      readonly declared: Readonly<Record<string, string>>
      readonly functions: string
      readonly body: string
    },
  ): tf.TensorInfo {
    const out = make(shape)
    const body = `${pass.body}\n  ${stored('y', 'at', 'x', channels)}`
    dispatch(backend, {
      name: pass.name,
      tensors: [...pass.tensors, out],
      ...elementwise({ ...pass.declared, y: '=f32' }, pixels, body, pass.functions),
    })
    for (const { dataId } of [before, ...others]) backend.disposeData(dataId)
    return out
  }
}

/** WGSL that inverts bright pixels where asked for, and normalises. */
function finishing({ threshold }: ViewPasses, channels: number): string {
  return `if (parameter(view, 17u) > 0.0) { x = select(x, vec3f(1.0) - x, x >= vec3f(${number(threshold)})); }
  x = (x - ${loaded('normalisation', '0u', channels)}) * ${loaded('normalisation', `${channels}u`, channels)};`
}

/** WGSL of a Gaussian blur along one axis, mirrored at the border without repeating the edge. */
function blurred(axis: 'row' | 'column', { size, kernelSize }: ViewPasses, channels: number): string {
  const reach = Math.floor((kernelSize - 1) / 2)
  const at = axis === 'row' ? 'mirrored * size + column' : 'row * size + mirrored'
  return `let size = ${size};
  let sigma = parameter(view, 16u);
  var x = ${loaded('given', 'at', channels)};
  if (sigma > 0.0) {
    var sum = vec3f();
    var total = 0.0;
    for (var tap = -${reach}; tap <= ${reach}; tap++) {
      let distance = f32(tap) / max(sigma, 0.001);
      let w = exp(-0.5 * distance * distance);
      var mirrored = abs(${axis} + tap);
      if (mirrored >= size) { mirrored = 2 * (size - 1) - mirrored; }
      let source = (i32(view) * size * size + ${at}) * ${channels};
      sum += w * ${loaded('given', 'source', channels, true)};
      total += w;
    }
    x = sum / total;
  }`
}

/** Checks boxes that are known on the host. The crop stays within the image in any case. */
function checkBoxes(backend: WebgpuBackend, { dataId }: tf.TensorInfo, height: number, width: number): void {
  const { values } = backend.tensorMap.get(dataId)
  if (!values) return
  for (let at = 0; at < values.length; at += COLUMNS) {
    const [top, left, tall, wide] = values.slice(at, at + 4) as Float32Array
    const within =
      top! >= 0 && left! >= 0 && tall! >= 1 && wide! >= 1 && top! + tall! <= height && left! + wide! <= width
    expected(within, 'fusedViews: a box is outside its image')
  }
}
