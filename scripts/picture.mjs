// Draws the picture of a report that README shows (npm run picture): node scripts/picture.mjs PAGE PICTURE [HEIGHT]
// Needs Chromium (CHROMIUM_PATH, or /usr/bin/chromium).
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [page, picture, height = '1262'] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--hide-scrollbars'],
});
try {
  const context = await browser.newContext({
    viewport: { width: 1000, height: Number(height) },
    colorScheme: 'light',
    bypassCSP: true,
  });
  const view = await context.newPage();
  await view.goto(pathToFileURL(resolve(page)).href);
  // As WebP, which weighs half of a PNG: the package carries it. The browser is what can write it.
  const png = (await view.screenshot()).toString('base64');
  const webp = await view.evaluate(async (encoded) => {
    const image = new Image();
    image.src = `data:image/png;base64,${encoded}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.3).split(',')[1];
  }, png);
  writeFileSync(picture, Buffer.from(webp, 'base64'));
} finally {
  await browser.close();
}
