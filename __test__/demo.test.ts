import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type GraphDemoResult, runGraphDemo } from '../src/demo/graph-demo.js';
import { checkpointOf, coverageAt, passAt, verdict } from '../src/demo/graph-demo-summary.js';
import { phraseText } from '../src/results/phrase.js';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'coverage-principle-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cli(...args: string[]) {
  return spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { cwd: folder, encoding: 'utf8' });
}

describe('the demonstration', () => {
  const size = { preTraining: 800, fineTuning: 1500, validation: 128, heldOut: 1000, checkpoints: 12 };
  const pickOf = (result: GraphDemoResult, by: 'tournament' | 'crossEntropy') => checkpointOf(result, result.picks[by]);

  it('shows by exact measures that the tournament picks better than validation loss, at any number of threads', async () => {
    const result = await runGraphDemo(0, { threads: 1 }, size);
    expect(await runGraphDemo(0, { threads: 2 }, size)).toEqual(result);
    const [ours, theirs] = [pickOf(result, 'tournament'), pickOf(result, 'crossEntropy')];
    expect(passAt(ours) - passAt(theirs)).toBeGreaterThan(0.01);
    expect(coverageAt(ours)).toBeLessThan(coverageAt(theirs));
    expect(ours.measures.all.kl!).toBeGreaterThan(theirs.measures.all.kl!);
    expect(passAt(checkpointOf(result, result.picks.oracle))).toBe(
      Math.max(...result.checkpoints.map(({ checkpoint }) => passAt(checkpoint))),
    );
    expect(phraseText(verdict(result))).toContain('The tournament picked the better one');
  });

  it('takes held-out cross-entropy for what it is: KL, as each response of the two classes is certain', async () => {
    const { checkpoints, selection } = await runGraphDemo(1, {}, { ...size, validation: 4096, heldOut: 4000 });
    for (const [at, { checkpoint }] of checkpoints.entries()) {
      const [low, high] = selection.crossEntropy.intervals[at]!;
      // Twice the interval: validation prompts are a sample, too.
      expect(checkpoint.measures.all.kl!).toBeGreaterThan(low - (high - low) / 2);
      expect(checkpoint.measures.all.kl!).toBeLessThan(high + (high - low) / 2);
    }
  });

  it('says who was right when it was the other one, and when both agree', async () => {
    const result = await runGraphDemo(0, {}, { ...size, validation: 16, heldOut: 200 });
    const { tournament, crossEntropy } = result.picks;
    const swapped = { ...result, picks: { ...result.picks, tournament: crossEntropy, crossEntropy: tournament } };
    expect(phraseText(verdict(swapped))).toContain('Validation loss picked the better one');
    const same = { ...result, picks: { ...result.picks, crossEntropy: tournament } };
    expect(phraseText(verdict(same))).toContain('the same checkpoint');
  });
});

it('demo writes its reports, and what select needs to find the same winner', () => {
  const { status, stdout, stderr } = cli('demo', '-o', 'out', '--quiet');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  // A screenful: summary, how sure, and the table.
  expect(stdout.split('\n').length).toBeLessThan(36);
  expect(stdout).toContain('The tournament picked the better one.');
  expect(existsSync(join(folder, 'out/selection.html'))).toBe(true);
  const page = readFileSync(join(folder, 'out/report.html'), 'utf8');
  const embedded = JSON.parse(page.match(/<script type="application\/json" id="result">(.*?)<\/script>/s)![1]!);
  const select = JSON.parse(cli('select', 'out/logprobs.npy', '-N', '3.3', '--json').stdout);
  expect(select.tournaments[0].winner).toBe(embedded.picks.tournament);
  expect(select.crossEntropy.winner).toBe(embedded.picks.crossEntropy);
});
