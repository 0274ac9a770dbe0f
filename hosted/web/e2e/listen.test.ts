// Listening in a browser to a recorded call: sensord decodes it, hosted relays it, Chromium plays it.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEntry, CDR, Peaks } from '../src/api/types';
import { base, enter, get, keptCalls, start, why, type Visit } from './visit';

describe.skipIf(why !== '')('listening', () => {
  let visit: Visit;
  let page: Page;
  let call: CDR; // answered, its voice was kept

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/calls');
    call = (await keptCalls(page, (c) => c.capture.kept === 'rtp' && c.answer !== null && c.codecs.some((x) => /^(PCM[AU]|G722|GSM|opus)$/i.test(x))))[0]!;
    await page.goto(`${base}/calls/${call.id}`);
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  const position = async () => Number(await page.locator('[data-position]').getAttribute('data-position'));
  const audio = <T,>(f: (a: HTMLAudioElement) => T) => page.locator('audio').evaluate(f);
  const state = () => page.locator('.player').getAttribute('data-state');

  test('nothing is fetched before somebody wants to listen', async () => {
    await page.locator('[data-action=listen]').waitFor();
    expect(await page.locator('audio').count()).toBe(0);
  });

  test('a key opens the player, and the wave is not flat', async () => {
    await page.locator('body').press('l');
    await page.locator('canvas[data-drawn]').waitFor();
    const peaks = await get<Peaks>(page, `/api/v1/calls/${call.id}/audio/peaks?points=500`);
    expect(peaks.sides.map((s) => s.side)).toEqual(['caller', 'callee']);
    for (const s of peaks.sides) if (!peaks.missing?.length) expect(Math.max(...s.max), s.side).toBeGreaterThan(0.02);
    // The canvas shows it: its columns are of many heights.
    const heights = await page.locator('canvas[data-drawn]').evaluate((c) => {
      const canvas = c as HTMLCanvasElement;
      const { data, width, height } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const half = Math.floor(height * 0.45);
      return Array.from({ length: width }, (_, x) => {
        let n = 0;
        for (let y = 0; y < half; y++) if (data[(y * width + x) * 4 + 3]! > 128) n++;
        return n;
      });
    });
    expect(Math.max(...heights) - Math.min(...heights), 'px between the lowest and the highest column').toBeGreaterThan(20);
    expect(new Set(heights).size).toBeGreaterThan(8);
  });

  test('it plays, and the position moves with the time of the call', async () => {
    await page.locator('[data-action=play]').click();
    await expect.poll(position, { timeout: 20_000, message: 'the position on the page, ms' }).toBeGreaterThan(1000);
    expect(await audio((a) => a.currentTime)).toBeGreaterThan(1);
    expect(await audio((a) => a.error)).toBeNull();
    const seconds = await audio((a) => a.duration);
    expect(Math.abs(seconds - (call.connect_ms ?? call.duration_ms) / 1000), 'length of what plays, against the call').toBeLessThan(6);
    await page.locator('[data-action=play]').click();
    await expect.poll(state).toBe('paused');
  });

  test('a click on the wave and the keys go to a place', async () => {
    const wave = page.getByRole('slider', { name: 'Position in the call' });
    const box = (await wave.boundingBox())!;
    await wave.click({ position: { x: box.width / 2, y: box.height / 3 } });
    const length = await audio((a) => a.duration * 1000);
    await expect.poll(() => audio((a) => a.currentTime * 1000)).toBeGreaterThan(length / 2 - 500);
    const before = await position();
    await wave.press('ArrowLeft');
    await expect.poll(position).toBeCloseTo(before - 5000, -2);
    await wave.press('Home');
    await expect.poll(position).toBe(0);
    await wave.press(' ');
    await expect.poll(state).toBe('playing');
    await wave.press(' ');
    await expect.poll(state).toBe('paused');
  });

  test('the wave can be looked at closer, and follows the position', async () => {
    const wave = page.getByRole('slider', { name: 'Position in the call' });
    await wave.press('Home');
    await wave.press('+');
    await wave.press('+');
    const part = page.getByRole('slider', { name: 'Part of the call that is shown' });
    expect(await part.inputValue()).toBe('0');
    await wave.press('End');
    await expect.poll(async () => Number(await part.inputValue())).toBeGreaterThan(1000);
    await page.getByRole('button', { name: 'Show more of the call' }).click();
    await page.getByRole('button', { name: 'Show more of the call' }).click();
    await expect.poll(() => part.count()).toBe(0);
    await wave.press('Home');
  });

  test('side, buffer and muted DTMF change what plays, and the position stays', async () => {
    const wave = page.getByRole('slider', { name: 'Position in the call' });
    await wave.press('ArrowRight');
    await page.getByRole('button', { name: 'Called', exact: true }).click();
    await page.getByLabel('Jitter buffer').selectOption('50');
    await page.getByLabel('Mute DTMF').check();
    await expect.poll(() => audio((a) => new URL(a.src).search)).toBe('?side=callee&buffer=50&dtmf=mute');
    await page.locator('[data-action=play]').click();
    await expect.poll(() => audio((a) => a.currentTime), { timeout: 20_000 }).toBeGreaterThan(5);
    await page.locator('[data-action=play]').click();
    await page.getByText(/behind a 50 ms buffer/i).waitFor();
  });

  test('the spectrogram is a picture', async () => {
    await page.getByLabel('Spectrogram').check();
    await expect.poll(() => page.locator('.wave img').evaluate((i) => (i as HTMLImageElement).naturalWidth), { timeout: 20_000 }).toBeGreaterThan(300);
    await page.getByLabel('Spectrogram').uncheck();
  });

  test('the WAV can be saved', async () => {
    await page.getByRole('button', { name: 'Both' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-action=wav]').click()]);
    const file = readFileSync(await download.path());
    expect(file.subarray(0, 4).toString() + file.subarray(8, 12).toString()).toBe('RIFFWAVE');
    expect(file.readUInt16LE(22), 'channels').toBe(2);
    const loud = new Set<number>();
    for (let i = 44; i + 1 < file.length; i += 2 * 997) loud.add(file.readInt16LE(i));
    expect(loud.size, 'different samples').toBeGreaterThan(20);
  });

  test('a link leads to a moment of the call', async () => {
    await page.goto(`${base}/calls/${call.id}?t=3.5`);
    await page.locator('canvas[data-drawn]').waitFor();
    await expect.poll(position).toBe(3500);
  });

  test('who listened is in the audit log, with the bytes', async () => {
    await expect.poll(async () => (await get<AuditEntry[]>(page, '/api/v1/audit?action=audio.listen')).filter((e) => e.object === call.id && e.bytes > 0).length, { timeout: 20_000 }).toBeGreaterThan(0);
    await page.goto(`${base}/audit?action=audio.listen`);
    await page.locator('tr[data-action-name="audio.listen"]').first().waitFor();
  });

  test('left no error in the console', () => expect(visit.complaints).toEqual([]));
});
