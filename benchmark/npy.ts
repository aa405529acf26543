import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { npyHeader } from '../src/log-probs/npy.js';

/** Arrays that are written and read here. */
export type Values = Float32Array | Float64Array | Uint32Array;

const TYPES = { '<f4': Float32Array, '<f8': Float64Array, '<u4': Uint32Array } as const;
type Descriptor = keyof typeof TYPES;

const PROLOGUE_BYTES = 10;

/** Writes a C-ordered `.npy` file row by row, so that it may be larger than memory. */
export function writeNpy(file: string, descr: Descriptor, shape: readonly number[], blocks: Iterable<Values>): void {
  const out = openSync(file, 'w');
  try {
    writeFully(out, npyHeader(descr, shape));
    for (const block of blocks) writeFully(out, new Uint8Array(block.buffer, block.byteOffset, block.byteLength));
  } finally {
    closeSync(out);
  }
}

/** One call writes at most 2 GiB. */
function writeFully(out: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(out, bytes, at, Math.min(bytes.length - at, 1 << 30));
}

/** Reads a file that {@link writeNpy} wrote. */
export function readNpy(file: string): { shape: number[]; values: Values } {
  const bytes = readFileSync(file);
  const start = PROLOGUE_BYTES + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', PROLOGUE_BYTES, start);
  const descr = /'descr': '([^']+)'/.exec(header)?.[1];
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)?.[1]
    ?.split(',')
    .filter((size) => size.trim() !== '');
  if (!descr || !(descr in TYPES) || !shape) throw new Error(`${file} is not a file of this benchmark: ${header}`);
  return { shape: shape.map(Number), values: fromBytes(bytes.subarray(start), descr as Descriptor) };
}

/** The values that little-endian bytes hold. */
export function fromBytes(bytes: Uint8Array, descr: Descriptor): Values {
  // Copied, because a view must be aligned.
  return new TYPES[descr](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
}
