import { describe, expect, test } from 'vitest';
import { Fault } from '../src/score/client.js';
import { Lane, type LaneOptions } from '../src/score/lane.js';
import { EveryRow, Work } from '../src/score/work.js';

const workOf = (rows: number) => new Work(new EveryRow(rows), 0, () => undefined);

function lane(work: Work, options: Partial<LaneOptions<number>>): Lane<number> {
  return new Lane(work, {
    concurrency: 1,
    batch: 1,
    retries: 0,
    signal: new AbortController().signal,
    ask: async (rows) => rows,
    onAnswer: async (row) => row,
    onFailed: () => undefined,
    ...options,
  });
}

/** What is waited for, and what opens it. */
function gate(): [Promise<void>, () => void] {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return [opened, open];
}

describe('a lane', () => {
  test('the server is asked on while an answer is being written', async () => {
    const asked: number[] = [];
    const [disk, written] = gate();
    const run = lane(workOf(3), {
      ask: async (rows) => {
        asked.push(...rows);
        // All are asked for although none is written yet.
        if (asked.length === 3) written();
        return rows;
      },
      onAnswer: async (row) => {
        await disk;
        return row;
      },
    }).run();
    expect(await run).toBeNull();
    expect(asked).toEqual([0, 1, 2]);
  });

  test('the server is asked on while an answer is being read', async () => {
    const asked: number[] = [];
    const [reading, read] = gate();
    const run = lane(workOf(4), {
      ask: async (rows, _, onReceived) => {
        asked.push(...rows);
        // All are asked for although none is read yet.
        if (asked.length === 4) read();
        onReceived();
        await reading;
        return rows;
      },
    }).run();
    expect(await run).toBeNull();
    expect(asked).toEqual([0, 1, 2, 3]);
  });

  test('an answer that turns out to be none when it is read is asked for again', async () => {
    const asked: number[] = [];
    const run = lane(workOf(3), {
      retries: 1,
      ask: async (rows, _, onReceived) => {
        asked.push(...rows);
        onReceived();
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (rows[0] === 1 && asked.filter((row) => row === 1).length === 1) throw new Fault('broken', 'half of it');
        return rows;
      },
    }).run();
    expect(await run).toBeNull();
    expect(asked.sort()).toEqual([0, 1, 1, 2]);
  });

  test('a server that asks to be left alone for long is given up', async () => {
    const asked = lane(workOf(3), {
      retries: 8,
      ask: async () => {
        throw new Fault('busy', 'status 429', { status: 429, retryAfter: 86_400 });
      },
    }).run();
    expect(await asked).toMatchObject({ kind: 'fatal', message: expect.stringContaining('1440 minutes') });
  });

  test('only so many answers wait for the disk', async () => {
    let asked = 0;
    const [disk, written] = gate();
    const run = lane(workOf(1000), {
      ask: async (rows) => {
        asked += 1;
        return rows;
      },
      onAnswer: async (row) => {
        await disk;
        return row;
      },
    }).run();
    let before = -1;
    while (asked !== before) {
      before = asked;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(asked).toBeLessThan(300);
    written();
    expect(await run).toBeNull();
    expect(asked).toBe(1000);
  });

  test('a disk that fails ends the run with its error', async () => {
    const run = lane(workOf(100), {
      onAnswer: async (row) => {
        if (row === 3) throw new Error('no space');
        return row;
      },
    }).run();
    await expect(run).rejects.toThrow('no space');
  });
});
