// Puts the published tracker and its replay part where the ingest API serves them, under the names that pages ask for.
import { copyFile, mkdir } from 'node:fs/promises';

const published = 'node_modules/@openpanel/web/dist/src';
const served = '../openpanel_api/static';

await mkdir(served, { recursive: true });
await copyFile(`${published}/tracker.global.js`, `${served}/op1.js`);
await copyFile(`${published}/replay.global.js`, `${served}/op1-replay.js`);
