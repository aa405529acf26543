// Draws the picture of a report that README shows (npm run picture): node scripts/picture.mjs PAGE PICTURE [HEIGHT]
// Needs Chromium (CHROMIUM_PATH, or /usr/bin/chromium).
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [page, picture, height = '1262'] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--hide-scrollbars'],
});
try {
  const view = await browser.newPage({ viewport: { width: 1000, height: Number(height) }, colorScheme: 'light' });
  await view.goto(pathToFileURL(resolve(page)).href);
  await view.screenshot({ path: picture });
} finally {
  await browser.close();
}
