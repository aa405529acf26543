import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { figurePng } from '../src/report/export/draw.js';
import { findSansFont } from '../src/report/export/fonts.js';
import { reportFigures } from '../src/report/report.js';
import { selectionReport } from '../src/report/selection/report.js';
import { writeReportFile } from '../src/write-file.js';
import { SELECTION } from './report-selection-fixture.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeReportFile', () => {
  it('writes text and bytes, makes folders, replaces what is there', async () => {
    const path = join(folder, 'deep', 'report.html');
    await writeReportFile(path, 'old');
    await writeReportFile(path, 'new ✓');
    await writeReportFile(join(folder, 'figure.png'), new Uint8Array([1, 2]));
    expect(await readFile(path, 'utf8')).toBe('new ✓');
    expect([...(await readFile(join(folder, 'figure.png')))]).toEqual([1, 2]);
    expect(await readdir(join(folder, 'deep'))).toEqual(['report.html']);
  });

  it('says why it cannot write and leaves nothing behind', async () => {
    await expect(writeReportFile(folder, 'x')).rejects.toMatchObject({
      code: 'ERR_WRITE_FAILED',
      message: expect.stringContaining('give the name of a file'),
      place: { file: folder },
    });
    await writeFile(join(folder, 'file'), '');
    await expect(writeReportFile(join(folder, 'file', 'report.html'), 'x')).rejects.toMatchObject({
      code: 'ERR_WRITE_FAILED',
    });
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe('figurePng', () => {
  const figure = reportFigures(selectionReport(SELECTION))[0]!;
  const size = (png: Uint8Array) => {
    const view = new DataView(png.buffer, png.byteOffset);
    return [view.getUint32(16), view.getUint32(20)];
  };

  it.skipIf(findSansFont() === null)('draws at the scale asked for, with its text', () => {
    const plain = figurePng(figure, { scale: 1 });
    expect([...plain.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect(size(plain)).toEqual([figure.width, figure.height]);
    expect(size(figurePng(figure))).toEqual([2 * figure.width, 2 * figure.height]);
    const wordless = figurePng({ ...figure, option: { ...figure.option, yAxis: { type: 'category', show: false } } });
    expect(figurePng(figure).length).toBeGreaterThan(wordless.length + 500);
  });

  it('asks for a font where there is none', () => {
    expect(() => figurePng(figure, { fontFiles: [] })).toThrow(expect.objectContaining({ code: 'ERR_NO_FONT' }));
    expect(() => figurePng(figure, { fontFiles: [join(folder, 'a.ttf')] })).toThrow(/There is no font file .*a\.ttf/);
    expect(findSansFont([join(folder, 'missing')])).toBeNull();
  });
});
