// Downloads straight from the sensor: WebRTC between a real Chromium and sensord, and the ways out when it cannot be.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEntry, CDR } from '../src/api/types';
import { base, enter, get, keptCalls, start, why, type Visit } from './visit';

// Chromium connects to no peer over loopback.
const alone = Object.values(networkInterfaces()).every((list) => list!.every((a) => a.internal));
if (alone) console.log('direct downloads are not tested: this machine has no network but loopback');

describe.skipIf(why !== '' || alone)('a download straight from the sensor', () => {
  let visit: Visit;
  let page: Page;
  let call: CDR;
  let relayed = ''; // SHA-256 of what hosted relays

  beforeAll(async () => {
    visit = await start();
    page = visit.page;
    await enter(page, '/calls');
    call = (await keptCalls(page))[0]!;
    await page.goto(`${base}/calls/${call.id}`);
    const bytes = await page.evaluate(async (url) => Array.from(new Uint8Array(await (await fetch(url)).arrayBuffer())), `/api/v1/calls/${call.id}/capture`);
    relayed = sha(Uint8Array.from(bytes));
  });
  afterAll(async () => {
    await visit?.browser.close();
  });

  const sha = (b: Uint8Array) => createHash('sha256').update(b).digest('hex');

  // download clicks, and answers what was saved, what the page says of it, and what was asked of hosted for it.
  async function download(p: Page) {
    const asked: string[] = [];
    const note = (r: { method(): string; url(): string }) => r.url().includes('/capture') && asked.push(`${r.method()} ${new URL(r.url()).pathname.replace(/.*\/capture/, 'capture')}`);
    p.on('request', note);
    const [file] = await Promise.all([p.waitForEvent('download'), p.locator('[data-action=pcap]').click()]);
    const said = await p.getByText(/^Saved /).innerText();
    p.off('request', note);
    return { sum: sha(readFileSync(await file.path())), name: file.suggestedFilename(), said, asked };
  }

  test('is what hosted relays, byte for byte, and hosted is asked for none of it', async () => {
    const got = await download(page);
    expect(got.sum).toBe(relayed);
    expect(got.said).toMatch(/straight from the sensor\.$/);
    expect(got.name).toMatch(/\.pcapng$/);
    expect(got.asked).toEqual(['POST capture/direct']);
  });

  test('is in the audit log, with the bytes that the sensor sent', async () => {
    const entries = async () => (await get<AuditEntry[]>(page, '/api/v1/audit?action=capture.download')).filter((e) => e.object === call.id && e.detail.includes('way=direct'));
    await expect.poll(async () => (await entries())[0]?.bytes).toBe(call.capture.bytes);
    expect((await entries())[0]!.detail).toBe('way=direct result=complete');
  });

  test('of a large capture goes to the file that the user chooses, as it comes', async () => {
    const p = await visit.context.newPage();
    visit.watch(p);
    await p.route(`**/api/v1/calls/${call.id}`, async (route) => {
      const answer = await route.fetch();
      const c = (await answer.json()) as CDR;
      await route.fulfill({ response: answer, json: { ...c, capture: { ...c.capture, bytes: 300e6 } } }); // the page takes it for large
    });
    await p.addInitScript(() => {
      const pick = async (o: { suggestedName: string }) => (await navigator.storage.getDirectory()).getFileHandle(o.suggestedName, { create: true });
      Object.assign(window, { showSaveFilePicker: pick });
    });
    await p.goto(`${base}/calls/${call.id}`);
    await p.locator('[data-action=pcap]').click();
    await p.getByText(/^Saved.* straight from the sensor\.$/).waitFor();
    const bytes = await p.evaluate(async () => {
      const found: number[][] = [];
      for await (const f of (await navigator.storage.getDirectory() as unknown as { values(): AsyncIterable<FileSystemFileHandle> }).values()) {
        found.push(Array.from(new Uint8Array(await (await f.getFile()).arrayBuffer())));
      }
      return found;
    });
    expect(bytes.length, 'files').toBe(1);
    expect(sha(Uint8Array.from(bytes[0]!))).toBe(relayed);
    await p.close();
  });

  test('is left alone by who does not want it', async () => {
    await page.goto(`${base}/account`);
    await page.getByLabel('Straight from the sensor').uncheck();
    await page.goto(`${base}/calls/${call.id}`);
    const got = await download(page);
    expect(got.said).toContain('relayed by this service: you chose so');
    expect([got.sum, got.asked]).toEqual([relayed, ['GET capture']]);
  });

  test('is relayed within seconds where no UDP gets through', async () => {
    const shut = await start(['--webrtc-ip-handling-policy=disable_non_proxied_udp']);
    try {
      await enter(shut.page, `/calls/${call.id}`);
      const begin = Date.now();
      const got = await download(shut.page);
      expect(got.said).toContain('relayed by this service: no direct way to the sensor was found');
      expect([got.sum, got.asked]).toEqual([relayed, ['POST capture/direct', 'GET capture']]);
      expect(Date.now() - begin, 'ms').toBeLessThan(20_000); // 6 of waiting, and a busy machine
      const again = await download(shut.page); // it is not waited for again
      expect(again.asked).toEqual(['GET capture']);
      expect(shut.complaints).toEqual([]);
    } finally {
      await shut.browser.close();
    }
  });

  test('left no error in the console', () => expect(visit.complaints).toEqual([]));
});
