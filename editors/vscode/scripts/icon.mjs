// Draws media/icon.png: a caret, and the lines that it is about to write. No library: a PNG is short.

import { writeFileSync } from 'node:fs';

import { crc32, deflateSync } from 'node:zlib';

const SIZE = 128;
const BACK = [30, 41, 59];
const WRITTEN = [226, 232, 240];
const GHOST = [100, 116, 139];
const CARET = [56, 189, 248];

/** Bars as [left, top, width, height, colour], in pixels. */
const BARS = [
  [22, 30, 60, 10, WRITTEN],
  [22, 54, 34, 10, WRITTEN],
  [61, 46, 6, 26, CARET],
  [72, 54, 36, 10, GHOST],
  [38, 78, 56, 10, GHOST],
  [38, 98, 30, 10, GHOST],
];
const CORNER = 24;

function insideSquare(x, y) {
  const fromCorner = (at) => Math.max(CORNER - at, at - (SIZE - 1 - CORNER), 0);
  return Math.hypot(fromCorner(x), fromCorner(y)) <= CORNER;
}

/** Rounded by half their height, or width. */
function insideBar(x, y, [left, top, width, height]) {
  const radius = Math.min(width, height) / 2;
  const away = (at, start, length) => Math.max(start + radius - at, at - (start + length - radius), 0);
  return Math.hypot(away(x, left, width), away(y, top, height)) <= radius;
}

function colour(x, y) {
  if (!insideSquare(x, y)) {
    return [0, 0, 0, 0];
  }
  const bar = BARS.find((each) => insideBar(x, y, each));
  return [...(bar === undefined ? BACK : bar[4]), 255];
}

/** Four by four samples for each pixel, so that edges are smooth. */
function pixel(x, y) {
  const samples = [];
  for (let i = 0; i < 16; i += 1) {
    samples.push(colour(x + ((i % 4) + 0.5) / 4 - 0.5, y + (Math.floor(i / 4) + 0.5) / 4 - 0.5));
  }
  const alpha = samples.reduce((sum, each) => sum + each[3], 0);
  const mean = (channel) => (alpha ? samples.reduce((sum, each) => sum + each[channel] * each[3], 0) / alpha : 0);
  return [mean(0), mean(1), mean(2), alpha / 16].map(Math.round);
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

const rows = [];
for (let y = 0; y < SIZE; y += 1) {
  const row = [0];
  for (let x = 0; x < SIZE; x += 1) {
    row.push(...pixel(x, y));
  }
  rows.push(Buffer.from(row));
}
const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8);
const parts = [['IHDR', header], ['IDAT', deflateSync(Buffer.concat(rows), { level: 9 })], ['IEND', Buffer.alloc(0)]];
const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
writeFileSync('media/icon.png', Buffer.concat([signature, ...parts.map(([name, data]) => chunk(name, data))]));
