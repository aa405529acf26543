import { endianness } from 'node:os';

/** Length that the header of a `.npy` file is padded to a multiple of. */
const ALIGNMENT = 64;

/** The beginning of a NumPy `.npy` file (format 1.0, C order), up to the first value. */
export function npyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const description = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const prelude = 10;
  const padding = ALIGNMENT - ((prelude + description.length + 1) % ALIGNMENT);
  const header = `${description}${' '.repeat(padding)}\n`;
  const bytes = Buffer.alloc(prelude + header.length);
  bytes.write('\x93NUMPY\x01\x00', 'latin1');
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, prelude, 'latin1');
  return bytes;
}

/**
 * The pieces of a `.npy` file of `<f8` in the given shape: what `readLogProbs` and `numpy.load` read. `parts` hold the
 * values in order, the last axis varying fastest.
 */
export function* npyPieces(shape: readonly number[], parts: Iterable<Float64Array>): Generator<Uint8Array> {
  yield npyHeader('<f8', shape);
  for (const part of parts) yield littleEndian(part);
}

function littleEndian(values: Float64Array): Uint8Array {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap64();
}
