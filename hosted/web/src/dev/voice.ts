// Voices for the mock: two people who take turns, as WAV, as peaks and as a picture.

import { deflateSync } from 'node:zlib';
import type { CDR, Peaks, Side } from '../api/types';
import { random } from './data';

const RATE = 8000;

// amplitude is how loud a side is at a moment: they talk in turns of a few seconds, in syllables.
function amplitude(seed: number, side: Side, t: number): number {
  const turn = Math.floor(t / 3.4) + seed;
  const talks = (turn * 2654435761) % 7 < 4 ? 'caller' : 'callee';
  if (talks !== side) return 0.004;
  const syllable = Math.max(0, Math.sin(t * 21 + seed)) * (0.6 + 0.4 * Math.sin(t * 3.1));
  return 0.02 + 0.32 * syllable;
}

const seedOf = (c: CDR) => Number.parseInt(c.id.slice(-5), 16);
export const seconds = (c: CDR) => Math.max(1, Math.round((c.connect_ms ?? 1000) / 1000));

// lost says which of the spans lacked packets: bursts where the call's intervals lost some.
function lostOf(c: CDR, side: Side, points: number, buffer: string): number[] {
  const out = new Array<number>(points).fill(0);
  const s = c.streams.find((x) => x.direction === `from-${side}`);
  const r = random(seedOf(c));
  const span = (seconds(c) * 1000) / points;
  s?.intervals?.forEach((i, n) => {
    let left = Math.round(i.lost * (buffer === '50' ? 1.4 : 1));
    while (left > 0) {
      const at = Math.floor((n * 10_000 + r() * 9_000) / span);
      const burst = Math.min(left, 1 + Math.floor(r() * 9));
      if (at < points) out[at]! += burst;
      left -= burst;
    }
  });
  return out;
}

export function peaks(c: CDR, points: number, buffer: string): Peaks {
  const r = random(seedOf(c));
  const sides = (['caller', 'callee'] as const).map((side) => {
    const lost = lostOf(c, side, points, buffer);
    const max = lost.map((n, i) => (n > 3 ? 0 : Math.round(amplitude(seedOf(c), side, (i / points) * seconds(c)) * (0.5 + r() * 0.5) * 1000) / 1000));
    return { side, codecs: c.codecs, max, min: max.map((v) => -v), lost };
  });
  return { start: c.answer!, duration_ms: seconds(c) * 1000, sample_rate: RATE, points, sides, missing: [] };
}

export function wav(c: CDR, side: string): Buffer {
  const channels = side === 'both' ? 2 : 1;
  const n = Math.min(seconds(c), 120) * RATE;
  const data = Buffer.alloc(44 + n * channels * 2);
  data.write('RIFF', 0);
  data.writeUInt32LE(data.length - 8, 4);
  data.write('WAVEfmt ', 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(channels, 22);
  data.writeUInt32LE(RATE, 24);
  data.writeUInt32LE(RATE * channels * 2, 28);
  data.writeUInt16LE(channels * 2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36);
  data.writeUInt32LE(data.length - 44, 40);
  const sides: Side[] = side === 'both' ? ['caller', 'callee'] : [side as Side];
  for (let i = 0; i < n; i++) {
    sides.forEach((s, k) => {
      const pitch = s === 'caller' ? 190 : 115;
      data.writeInt16LE(Math.round(amplitude(seedOf(c), s, i / RATE) * 20_000 * Math.sin((2 * Math.PI * pitch * i) / RATE)), 44 + (i * channels + k) * 2);
    });
  }
  return data;
}

// picture is a spectrogram, after a fashion, as a PNG.
export function picture(c: CDR, width: number, height: number): Buffer {
  const raw = Buffer.alloc(height * (1 + width * 3));
  const half = height / 2;
  for (let y = 0; y < height; y++) {
    const side: Side = y < half ? 'caller' : 'callee';
    const f = 1 - (y % half) / half;
    for (let x = 0; x < width; x++) {
      const a = amplitude(seedOf(c), side, (x / width) * seconds(c));
      const v = Math.min(1, a * 3 * Math.max(0, Math.cos(f * 38 + x / 60)) * (1.1 - f));
      const at = y * (1 + width * 3) + 1 + x * 3;
      raw[at] = 255 * v;
      raw[at + 1] = 200 * v * v;
      raw[at + 2] = 60 + 90 * (1 - v) * v * 4;
    }
  }
  const chunk = (type: string, body: Buffer) => {
    const b = Buffer.alloc(12 + body.length);
    b.writeUInt32BE(body.length, 0);
    b.write(type, 4, 'latin1');
    body.copy(b, 8);
    b.writeUInt32BE(crc(b.subarray(4, 8 + body.length)), 8 + body.length);
    return b;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0))]);
}

function crc(b: Buffer): number {
  let c = ~0;
  for (const byte of b) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
  }
  return ~c >>> 0;
}
