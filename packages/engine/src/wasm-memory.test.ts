import { expect, test } from 'vitest'
import { checkAllocations } from './wasm-memory.js'

test('an allocation that fails, or leaves too little memory for the kernels, throws and is freed', () => {
  const addresses = [64, 1024, -(2 ** 31), -1024, 0, 0]
  const freed: number[] = []
  const module = {
    // As in Emscripten's modules, the first call replaces the function.
    _malloc(_: number): number {
      module._malloc = () => addresses.shift()!
      return addresses.shift()!
    },
    _free: (address: number) => void freed.push(address),
  }
  checkAllocations(module)
  expect(module._malloc(4)).toBe(1024)
  expect(module._malloc(4)).toBe(-(2 ** 31)) // 2 GiB, as a signed number
  expect(() => module._malloc(4)).toThrow('WebAssembly has no memory left: it can use 4.0 GB')
  expect(freed).toEqual([64, -1024])
  expect(module._malloc(0)).toBe(0)
  expect(() => module._malloc(5e8)).toThrow('this operation needs 500 MB more')
})
