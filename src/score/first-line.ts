import { open } from 'node:fs/promises';

/** Longest manifest, the same as readers look at. */
const LONGEST = 1 << 16;

/** The first line of a file, empty if it has no end within what a manifest may have. */
export async function firstLine(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LONGEST), 0, LONGEST, 0);
    const end = buffer.subarray(0, bytesRead).indexOf(10);
    return buffer.toString('utf8', 0, Math.max(0, end));
  } finally {
    await handle.close();
  }
}
